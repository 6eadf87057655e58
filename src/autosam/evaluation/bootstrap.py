"""How far a mean could lie from its value by the luck of the draw of cases."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Interval = list[float]
"""The lower and the upper end."""

RESAMPLES = 2000
_CELLS = 4_000_000  # of the matrix of drawn weights held at a time


def mean_intervals(
    values: npt.NDArray[np.float64],
    groups: Sequence[str | None] | None = None,
    *,
    resamples: int = RESAMPLES,
    seed: int = 0,
    level: float = 0.95,
) -> npt.NDArray[np.float64]:
    """Returns the percentile bootstrap interval of the mean of every column.

    Whole groups are drawn with replacement, since cases of one patient are not independent; the statistic is the mean
    over all cases drawn. All columns see the same draws. One group says nothing of how much others would differ.

    Args:
        values: (N, M); NaN where a case has no value.
        groups: one name a case; a case of None is a group of its own. None: every case is.
        resamples: number of draws.
        seed: of the draws.
        level: share of the draws inside the interval.

    Returns:
        (M, 2) lower and upper ends; NaN where fewer than two groups have a value.
    """
    known = np.isfinite(values)
    member = _members(groups, len(values))
    count = int(member.max()) + 1
    sums, sizes = np.zeros((count, values.shape[1])), np.zeros((count, values.shape[1]))
    np.add.at(sums, member, np.where(known, values, 0))
    np.add.at(sizes, member, known)

    random = np.random.default_rng(seed)
    step = max(1, _CELLS // count)
    means = np.empty((resamples, values.shape[1]))
    for start in range(0, resamples, step):
        weights = random.multinomial(count, np.full(count, 1 / count), size=min(step, resamples - start))
        with np.errstate(invalid="ignore"):
            means[start : start + step] = (weights @ sums) / (weights @ sizes)
    ends = np.full((values.shape[1], 2), np.nan)
    for column in np.flatnonzero((sizes > 0).sum(axis=0) > 1):
        ends[column] = np.nanpercentile(means[:, column], [50 * (1 - level), 50 * (1 + level)])
    return ends


def interval(ends: npt.NDArray[np.float64]) -> Interval | None:
    """Returns two ends (2,) as plain numbers; None where they are not known."""
    return [float(end) for end in ends] if np.isfinite(ends).all() else None


def _members(groups: Sequence[str | None] | None, cases: int) -> npt.NDArray[np.intp]:
    """Returns each case's group as a number from 0."""
    if groups is None:
        return np.arange(cases)
    numbers: dict[tuple[str, str | int], int] = {}
    keys = (("case", i) if name is None else ("group", name) for i, name in enumerate(groups))
    return np.array([numbers.setdefault(key, len(numbers)) for key in keys], np.intp)
