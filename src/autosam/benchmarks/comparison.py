"""What a comparison of methods says: a record for each part, view and measure, and how they are made."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from typing import Any

import numpy as np
import numpy.typing as npt

from autosam.benchmarks.statistics import LEVEL, Values, by_group, cliques, friedman, holm, ranks, signed_rank
from autosam.benchmarks.view import Measure
from autosam.evaluation.bootstrap import Interval, interval, mean_intervals


@dataclass(frozen=True, slots=True)
class Mean:
    """One method's number.

    Attributes:
        method: its place among the methods.
        mean: over cases (clips where the view averages them first), of the mean over seeds; None without a value.
        interval: 95 % bootstrap interval of it; None without a value, or for one group alone.
        seeds: the mean of each seed.
        cases: how many have a value.
    """

    method: int
    mean: float | None
    interval: Interval | None
    seeds: tuple[float, ...]
    cases: int

    @property
    def spread(self) -> float | None:
        """Standard deviation over seeds; None for one."""
        return float(np.std(self.seeds, ddof=1)) if len(self.seeds) > 1 else None


@dataclass(frozen=True, slots=True)
class Duel:
    """Two methods on the same cases; differences are a's value less b's.

    Attributes:
        a: place of the one.
        b: place of the other.
        difference: mean over cases.
        interval: 95 % paired bootstrap interval of it; None for one group alone.
        p: of Wilcoxon's signed-rank test over units.
        corrected: that p corrected by Holm over all pairs of the table.
        better_a: units on which a is better.
        better_b: units on which b is better.
        units: units that both have a value on.
    """

    a: int
    b: int
    difference: float
    interval: Interval | None
    p: float
    corrected: float
    better_a: int
    better_b: int
    units: int


@dataclass(frozen=True, slots=True)
class Rank:
    """One method's mean rank over units, 1 being the best, and its 95 % bootstrap interval; None for one unit."""

    method: int
    mean: float
    interval: Interval | None


@dataclass(frozen=True, slots=True, eq=False)
class Contest:
    """One measure of one part under one view.

    Attributes:
        view: its name.
        part: its name.
        measure: what was measured.
        names: the units' names, cases or clips.
        values: (units, methods) means over seeds; NaN where a method has none.
        groups: each unit's group; None where it is one by itself.
        unit: what the test is over: "group", "clip" or "case".
        units: how many.
        means: one a method.
        duels: one a pair of methods that may be ranked; empty where the measure has no better side.
        ranking: of those methods; empty for less than two.
        friedman: p that they all rank alike; None for less than three.
        clips: whether `names` are clips.
    """

    view: str
    part: str
    measure: Measure
    names: tuple[str, ...]
    values: Values
    groups: tuple[str | None, ...]
    unit: str
    units: int
    means: tuple[Mean, ...]
    duels: tuple[Duel, ...] = ()
    ranking: tuple[Rank, ...] = ()
    friedman: float | None = None
    clips: bool = False

    @property
    def noun(self) -> str:
        """What one of `names` is, for people."""
        return "clip" if self.clips else "case"

    @property
    def order(self) -> list[Rank]:
        """The ranking, the best first."""
        return sorted(self.ranking, key=lambda rank: (rank.mean, rank.method))

    @property
    def alike(self) -> list[tuple[int, int]]:
        """Runs of places in `order` within which no pair differs at the corrected level."""
        apart = {frozenset((duel.a, duel.b)) for duel in self.duels if duel.corrected < LEVEL}
        return cliques([rank.method for rank in self.order], apart)


@dataclass(frozen=True, slots=True, eq=False)
class Sheet:
    """The scores of all methods on one part, for one measure.

    Attributes:
        view: the view's name.
        part: the part's name.
        measure: the measure.
        names: the units', cases or clips.
        seeds: one (seeds, units) array a method.
        groups: each unit's group; None where it is one by itself.
        clips: whether units are clips.
        own: the folders' own mean and interval of a measure that is pooled, one a method; empty where it is not.
    """

    view: str
    part: str
    measure: Measure
    names: tuple[str, ...]
    seeds: Sequence[Values]
    groups: tuple[str | None, ...]
    clips: bool = False
    own: Sequence[Mapping[str, Any]] = field(default=())


def contest(sheet: Sheet, ranked: Sequence[int], *, tested: bool, seed: int = 0) -> Contest:
    """Returns the numbers of a sheet.

    Args:
        sheet: the scores.
        ranked: places of the methods that may be tested and ranked.
        tested: whether they are.
        seed: of every bootstrap.
    """
    values = np.stack([each.mean(axis=0) for each in sheet.seeds], axis=1)
    grouped = any(group is not None for group in sheet.groups)
    units = by_group(values, sheet.groups)
    frame: dict[str, Any] = {
        "view": sheet.view,
        "part": sheet.part,
        "measure": sheet.measure,
        "names": sheet.names,
        "values": values,
        "groups": sheet.groups,
        "unit": "group" if grouped else "clip" if sheet.clips else "case",
        "units": len(units),
        "clips": sheet.clips,
        "means": tuple(_mean(method, sheet, seed) for method in range(values.shape[1])),
    }
    if not tested or sheet.measure.direction == "neither":
        return Contest(**frame)
    higher = sheet.measure.direction == "higher"
    duels = [_duel(a, b, values, sheet.groups, higher=higher, seed=seed) for a, b in combinations(sorted(ranked), 2)]
    known = [duel for duel in duels if duel is not None]
    corrected = holm([duel[0] for duel in known])
    made = [Duel(p=p, corrected=fixed, **rest) for (p, rest), fixed in zip(known, corrected, strict=True)]
    places = units[:, list(ranked)]
    whole = places[np.isfinite(places).all(axis=1)]
    ranking: tuple[Rank, ...] = ()
    if len(ranked) > 1 and len(whole):
        each = ranks(whole, higher=higher)
        ends = mean_intervals(each, seed=seed)
        ranking = tuple(
            Rank(method, float(mean), interval(pair))
            for method, mean, pair in zip(ranked, each.mean(axis=0), ends, strict=True)
        )
    return Contest(**frame, duels=tuple(made), ranking=ranking, friedman=friedman(whole) if ranking else None)


def _mean(method: int, sheet: Sheet, seed: int) -> Mean:
    seeds = sheet.seeds[method]
    if sheet.own:
        own = sheet.own[method]
        each = tuple(own.get("seeds", (own["mean"],)))
        return Mean(method, own["mean"], own["ci95"], each, own["cases"])
    cases = seeds.mean(axis=0)
    there = np.isfinite(cases)
    if not there.any():
        return Mean(method, None, None, (), 0)
    ends = interval(mean_intervals(cases[:, None], sheet.groups, seed=seed)[0])
    each = tuple(float(one) for one in seeds[:, there].mean(axis=1))
    return Mean(method, float(np.mean(each)), ends, each, int(there.sum()))


def _duel(
    a: int, b: int, values: Values, groups: Sequence[str | None], *, higher: bool, seed: int
) -> tuple[float, dict[str, Any]] | None:
    """Returns the p and the rest of a duel; None where the two have no case in common."""
    difference = values[:, a] - values[:, b]
    there = np.isfinite(difference)
    if not there.any():
        return None
    kept: npt.NDArray[np.float64] = np.round(difference[there], 9)
    names = [group for group, known in zip(groups, there, strict=True) if known]
    units = by_group(kept[:, None], names)[:, 0]
    ahead, behind = int((units > 0).sum()), int((units < 0).sum())
    return signed_rank(units), {
        "a": a,
        "b": b,
        "difference": float(kept.mean()),
        "interval": interval(mean_intervals(kept[:, None], names, seed=seed)[0]),
        "better_a": ahead if higher else behind,
        "better_b": behind if higher else ahead,
        "units": len(units),
    }
