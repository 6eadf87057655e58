"""Paired statistics of methods on the same cases: a test, its correction for many pairs, differences and ranks.

Sources: Wilcoxon, Individual comparisons by ranking methods, Biometrics 1945; Holm, A simple sequentially rejective
multiple test procedure, Scand. J. Statist. 1979; Demsar, Statistical comparisons of classifiers over multiple data
sets, JMLR 2006; Benavoli et al., Should we really use post-hoc tests based on mean-ranks?, JMLR 2016.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Values = npt.NDArray[np.float64]

# Scores come from tables of six digits: differences nearer than this are equal, and tie.
DIGITS = 9
LEVEL = 0.05


def signed_rank(differences: npt.ArrayLike) -> float:
    """Returns the two-sided p of Wilcoxon's signed-rank test that paired differences (N,) lie about 0.

    Differences of 0 are left out; where nothing is left, p is 1. Up to 50 differences without ties, and up to 13 with,
    p is exact; beyond, it is the normal approximation with correction for ties and continuity.

    Raises:
        ValueError: where a difference is not finite.
    """
    from scipy.stats import wilcoxon

    values = np.round(np.asarray(differences, np.float64), DIGITS)
    if not np.isfinite(values).all():
        raise ValueError("a difference is not finite")
    values = values[values != 0]
    if not len(values):
        return 1.0
    return min(1.0, float(wilcoxon(values, method="auto", correction=True).pvalue))


def least_p(units: int) -> float:
    """Returns the least p that `signed_rank` can give with that many differences."""
    return min(1.0, 2.0 ** (1 - units))


def holm(ps: Sequence[float]) -> list[float]:
    """Returns p values corrected by Holm's step-down for being one family, in the order given; at most 1 each."""
    corrected = [1.0] * len(ps)
    reached = 0.0
    for place, index in enumerate(sorted(range(len(ps)), key=lambda i: ps[i])):
        reached = max(reached, min(1.0, (len(ps) - place) * ps[index]))
        corrected[index] = reached
    return corrected


def by_group(values: Values, groups: Sequence[str | None]) -> Values:
    """Returns the means (G, M) over the cases of each group of values (N, M); NaN cases take no part.

    A case without a group is one by itself. Groups stand in the order of their first cases.
    """
    members: dict[tuple[str, str | int], list[int]] = {}
    for index, group in enumerate(groups):
        members.setdefault(("case", index) if group is None else ("group", group), []).append(index)
    means = np.full((len(members), values.shape[1]), np.nan)
    for row, indices in enumerate(members.values()):
        known = np.isfinite(values[indices])
        some = known.any(axis=0)
        sums = np.where(known, values[indices], 0).sum(axis=0)
        means[row, some] = sums[some] / known.sum(axis=0)[some]
    return means


def ranks(values: Values, *, higher: bool) -> Values:
    """Returns the rank of each method within each row of (N, M), 1 for the best; equals share the mean of theirs."""
    from scipy.stats import rankdata

    ordered = np.round(-values if higher else values, DIGITS)
    return np.asarray(rankdata(ordered, axis=1, method="average"), np.float64)


def friedman(values: Values) -> float | None:
    """Returns Friedman's p that all methods of (N, M) rank alike; None for less than three methods or two rows."""
    from scipy.stats import friedmanchisquare

    if values.shape[1] < 3 or len(values) < 2:
        return None
    columns = np.round(values, DIGITS)
    if (columns == columns[:, :1]).all():
        return 1.0
    return float(friedmanchisquare(*columns.T).pvalue)


def cliques(order: Sequence[int], apart: set[frozenset[int]]) -> list[tuple[int, int]]:
    """Returns the longest runs (first, last) of places in `order` within which no pair of methods is set apart.

    Runs of one method, and runs inside another, are left out.
    """
    runs: list[tuple[int, int]] = []
    for first in range(len(order)):
        last = first
        while last + 1 < len(order) and all(
            frozenset((order[i], order[last + 1])) not in apart for i in range(first, last + 1)
        ):
            last += 1
        if last > first and not any(a <= first and last <= b for a, b in runs):
            runs.append((first, last))
    return runs
