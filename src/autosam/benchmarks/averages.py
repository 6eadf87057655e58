"""From scores of cases to the numbers of a table: per view, per part, per measure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from autosam.benchmarks.benchmark import Benchmark, Item
from autosam.benchmarks.scoring import Outcome
from autosam.benchmarks.view import Measure, Values, View
from autosam.evaluation.bootstrap import RESAMPLES, interval, mean_intervals
from autosam.metrics.video import clip_means

Averages = dict[str, dict[str, dict[str, dict[str, Any]]]]


def averages(
    benchmark: Benchmark, items: Sequence[Item], outcomes: Sequence[Outcome], views: Sequence[View], *, seed: int = 0
) -> Averages:
    """Returns view -> part -> measure -> mean, its 95 % bootstrap interval, the number of cases, and per seed the mean.

    Intervals are drawn over groups where they are known, and None for one alone. With several outcomes (one a seed of
    the training) a case's value is its mean over them; `seeds` lists each one's mean and `sd` is their standard
    deviation. A part of which the copy has nothing is left out.

    Args:
        benchmark: names the parts.
        items: the test images that were scored.
        outcomes: one a seed; at least one.
        views: those scored.
        seed: of the bootstrap.
    """
    table: Averages = {}
    for view in views:
        table[view.name] = {}
        for part, splits in benchmark.parts().items():
            there = [item for item in items if item.split in splits]
            if there and not (view.apart and len(splits) > 1):
                table[view.name][part] = {
                    measure.name: _entry(measure, *_values(measure, view, there, outcomes), seed)
                    for measure in view.measures
                }
    return table


def _values(
    measure: Measure, view: View, items: Sequence[Item], outcomes: Sequence[Outcome]
) -> tuple[Values, list[str | None]]:
    """Returns (seeds, units, T) of a measure and the units' groups; a unit is an image, or a clip where a view says."""
    rows = [
        np.array([np.atleast_1d(outcome.scores[view.name][item.id].get(measure.name, np.nan)) for item in items])
        for outcome in outcomes
    ]
    if not view.clips:
        return np.stack(rows), [item.group for item in items]
    clips = [item.clip or item.id for item in items]
    means = [clip_means(values, clips) for values in rows]
    groups = dict(zip(clips, (item.group for item in items), strict=True))
    return np.stack([np.stack(list(each.values())) for each in means]), [groups[clip] for clip in means[0]]


def _entry(measure: Measure, values: Values, groups: Sequence[str | None], seed: int) -> dict[str, Any]:
    if measure.pool is not None:
        pool = measure.pool
        each = np.array([pool(vectors.mean(axis=0)) for vectors in values])
        known = values.shape[1]
        ends = _pooled_interval(pool, values, groups, seed)
    else:
        cases = values[:, :, 0].mean(axis=0)
        there = np.isfinite(cases)
        known = int(there.sum())
        if not known:
            return {"mean": None, "ci95": None, "cases": 0, "unit": measure.unit}
        each = values[:, there, 0].mean(axis=1)
        ends = mean_intervals(cases[:, None], groups, seed=seed)[0]
    entry = {"mean": float(each.mean()), "ci95": interval(ends), "cases": known, "unit": measure.unit}
    if len(values) > 1:
        entry |= {"seeds": [float(one) for one in each], "sd": float(each.std(ddof=1))}
    return entry


def _pooled_interval(
    pool: Callable[[Values], float], values: Values, groups: Sequence[str | None], seed: int
) -> Values:
    """Returns the ends of the 95 % bootstrap interval of a pooled number, averaged over seeds; NaN for one group."""
    seeds, units, points = values.shape
    names: dict[tuple[str, str | int], int] = {}
    keys = (("unit", index) if group is None else ("group", group) for index, group in enumerate(groups))
    member = np.array([names.setdefault(key, len(names)) for key in keys])
    if len(names) < 2:
        return np.full(2, np.nan)
    sums, sizes = np.zeros((len(names), seeds * points)), np.zeros(len(names))
    np.add.at(sums, member, values.transpose(1, 0, 2).reshape(units, -1))
    np.add.at(sizes, member, 1)
    weights = np.random.default_rng(seed).multinomial(len(names), np.full(len(names), 1 / len(names)), size=RESAMPLES)
    means = (weights @ sums / (weights @ sizes)[:, None]).reshape(RESAMPLES, seeds, points)
    drawn = [np.mean([pool(vector) for vector in vectors]) for vectors in means]
    return np.asarray(np.percentile(drawn, [2.5, 97.5]), np.float64)
