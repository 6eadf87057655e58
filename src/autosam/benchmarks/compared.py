"""A comparison as plain values and as Markdown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from autosam.benchmarks.comparison import Contest, Mean
from autosam.benchmarks.markdown import headed, written
from autosam.benchmarks.scored import Scored
from autosam.benchmarks.statistics import LEVEL
from autosam.benchmarks.view import Measure, View
from autosam.core.names import writable
from autosam.evaluation.bootstrap import RESAMPLES, Interval

METHOD = (
    "Means are over cases (clips, where the view averages them first), a case's value being its mean over seeds; "
    f"intervals are 95 % percentile bootstraps of {RESAMPLES} draws over groups where they are known. Tests are "
    "Wilcoxon signed-rank, two-sided, over the means of groups where they are known, else over clips or cases; p is "
    "corrected by Holm over all pairs of a table. Differences have paired bootstrap intervals. Ranks are within each "
    "unit, 1 the best."
)
_UNITS = {"group": "groups", "clip": "clips", "case": "cases"}


def plain(
    methods: Sequence[Scored], contests: Sequence[Contest], views: Sequence[View], notes: Sequence[str], seed: int
) -> dict[str, Any]:
    """Returns view -> part -> measure -> means, pairs and ranks, and beside it what they are of."""
    table: dict[str, Any] = {view.name: {} for view in views}
    for each in contests:
        table[each.view].setdefault(each.part, {})[each.measure.name] = _entry(each, methods)
    return {
        "views": table,
        "about": {view.name: methods[0].about[view.name] for view in views},
        "benchmark": next((method.benchmark for method in methods if method.benchmark), None),
        "methods": [
            {
                "name": method.name,
                "folder": writable(method.folder.resolve().name),
                "seeds": method.seeds,
                "failed": method.failed,
                "untrained_prompt": method.untrained_prompt,
                "ranked": not method.untrained_prompt,
            }
            for method in methods
        ],
        "content": methods[0].content,
        "notes": list(notes),
        "statistics": {"about": METHOD, "resamples": RESAMPLES, "seed": seed, "level": LEVEL, "correction": "holm"},
    }


def in_words(
    methods: Sequence[Scored], contests: Sequence[Contest], views: Sequence[View], notes: Sequence[str]
) -> str:
    """Returns the tables; every view says what it is, every number how many cases and seeds stand behind it."""
    lines = [f"# {' / '.join(method.name for method in methods)}", ""]
    lines += [f"- {note}." if not note.endswith(".") else f"- {note}" for note in notes]
    for view in views:
        about = methods[0].about[view.name]
        lines += ["", f"## View `{view.name}`", "", f"{about[0].upper()}{about[1:]}."]
        mine = [each for each in contests if each.view == view.name]
        for part in dict.fromkeys(each.part for each in mine):
            lines += _part([each for each in mine if each.part == part], methods)
    return "\n".join([*lines, "", METHOD, ""])


def number(value: float, measure: Measure) -> str:
    """Returns a value as tables have it: four decimals for fractions, two for lengths."""
    return f"{value:.4f}" if measure.unit == "fraction" else f"{value:.2f}"


def bracket(interval: Interval | None, measure: Measure) -> str:
    """Returns " [low, high]" as tables have it; nothing where there is no interval."""
    return "" if interval is None else f" [{', '.join(number(end, measure) for end in interval)}]"


def p_in_words(p: float) -> str:
    """Returns a p value: two digits, and "< 0.0001" below that."""
    return "< 0.0001" if p < 1e-4 else f"{p:.2g}" if p < 0.1 else f"{p:.2f}"


def size_in_words(each: Contest) -> str:
    """Returns how many cases or clips a contest is over, and in how many groups where they are known."""
    size = _count(len(each.names), each.noun)
    return f"{size} in {_count(each.units, 'group')}" if each.unit == "group" else size


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _part(contests: Sequence[Contest], methods: Sequence[Scored]) -> list[str]:
    first = contests[0]
    titles = [headed(each.measure) for each in contests]
    lines = ["", f"### {first.part}: {size_in_words(first)}", "", f"| method | seeds | {' | '.join(titles)} |"]
    lines.append("|---" * (len(titles) + 2) + "|")
    for place, method in enumerate(methods):
        cells = [_cell(each.means[place], each.measure) for each in contests]
        mark = " (untrained prompt, not ranked)" if method.untrained_prompt else ""
        lines.append(f"| {written(method.name)}{mark} | {method.seeds} | {' | '.join(cells)} |")
    for each in contests:
        if each.duels:
            lines += _duels(each, methods)
    return lines


def _duels(each: Contest, methods: Sequence[Scored]) -> list[str]:
    measure, unit = each.measure, _UNITS[each.unit]
    lines = [
        "",
        f"**{measure.title}**, pairs over {each.units} {unit}" + f" (of each {each.noun}'s own)" * bool(measure.pool),
    ]
    lines += [
        "",
        f"| a | b | a - b | a better / b better / equal ({unit}) | p | p, Holm |",
        "|---|---|---|---|---|---|",
    ]
    for duel in each.duels:
        equal = duel.units - duel.better_a - duel.better_b
        lines.append(
            f"| {written(methods[duel.a].name)} | {written(methods[duel.b].name)} "
            f"| {number(duel.difference, measure)}{bracket(duel.interval, measure)} "
            f"| {duel.better_a} / {duel.better_b} / {equal} | {p_in_words(duel.p)} | {p_in_words(duel.corrected)} |"
        )
    order = ", ".join(
        f"{methods[rank.method].name} {rank.mean:.2f}"
        + ("" if rank.interval is None else f" [{rank.interval[0]:.2f}, {rank.interval[1]:.2f}]")
        for rank in each.order
    )
    lines += ["", f"Mean ranks: {order}."]
    if each.friedman is not None:
        lines[-1] += f" Friedman's p that all rank alike: {p_in_words(each.friedman)}."
    return lines


def _cell(mean: Mean, measure: Measure) -> str:
    if mean.mean is None:
        return "-"
    spread = "" if mean.spread is None else f" ± {number(mean.spread, measure)}"
    return f"{number(mean.mean, measure)}{spread}{bracket(mean.interval, measure)}"


def _entry(each: Contest, methods: Sequence[Scored]) -> dict[str, Any]:
    def name(place: int) -> str:
        return methods[place].name

    return {
        "title": each.measure.title,
        "direction": each.measure.direction,
        "unit": each.measure.unit,
        "pooled": each.measure.pool is not None,
        "cases": len(each.names),
        "over": _UNITS[each.unit],
        "units": each.units,
        "means": [
            {
                "method": name(mean.method),
                "mean": mean.mean,
                "ci95": mean.interval,
                "seeds": mean.seeds,
                "sd": mean.spread,
                "cases": mean.cases,
            }
            for mean in each.means
        ],
        "pairs": [{**asdict(duel), "a": name(duel.a), "b": name(duel.b)} for duel in each.duels],
        "ranks": [{"method": name(rank.method), "mean": rank.mean, "ci95": rank.interval} for rank in each.order],
        "alike": [[name(rank.method) for rank in each.order[a : b + 1]] for a, b in each.alike],
        "friedman_p": each.friedman,
    }
