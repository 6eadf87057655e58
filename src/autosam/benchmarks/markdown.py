"""A benchmark's numbers as Markdown, a table for each view."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from autosam.benchmarks.averages import Averages
from autosam.benchmarks.benchmark import Benchmark
from autosam.benchmarks.inventory import Part
from autosam.benchmarks.view import Measure, View


def markdown(
    benchmark: Benchmark,
    averages: Averages,
    views: Sequence[View],
    method: str,
    parts: Sequence[Part],
    marks: Sequence[str],
    *,
    note: str = "",
) -> str:
    """Returns the tables; each has its view in its title and what a reader must know above it.

    Args:
        benchmark: names the parts.
        averages: the numbers.
        views: those scored.
        method: as it stands in tables.
        parts: what the copy has.
        marks: what a reader must know.
        note: a sentence under the title; none where it is empty.
    """
    counts = {part.name: part for part in parts}
    lines = [f"# {benchmark.title}: {method}", "", *([note, ""] if note else [])]
    for view in views:
        lines += [f"## View `{view.name}`", "", f"{view.about[0].upper()}{view.about[1:]}.", ""]
        lines += [f"- {mark}" for mark in marks]
        titles = [headed(measure) for measure in view.measures]
        lines += ["", f"| part | {'clips' if view.clips else 'images'} | {' | '.join(titles)} |"]
        lines.append("|---" * (len(titles) + 2) + "|")
        for part, entries in averages[view.name].items():
            cases = max(entry["cases"] for entry in entries.values())
            cells = [cell(measure, entries[measure.name]) for measure in view.measures]
            lines.append(f"| {label(part, counts, benchmark)} | {cases} | {' | '.join(cells)} |")
        lines.append("")
    return "\n".join([*lines, *closing(benchmark)])


def closing(benchmark: Benchmark) -> list[str]:
    """Returns the lines under the tables: what the intervals are, the protocol, the licence, whom to cite."""
    return [
        "Means with 95 % bootstrap intervals, drawn over groups (patients, cases of video) where they are known; one "
        "group alone has none.",
        "",
        f"Protocol of the benchmark: {benchmark.protocol}. Licence of the images: {benchmark.licence}. "
        f"Cite: {benchmark.citation}.",
        "",
    ]


def written(name: str) -> str:
    """Returns a name that a person gave as it stands in a table's cell, where a bare bar would begin the next one."""
    return name.replace("|", "\\|")


def headed(measure: Measure) -> str:
    """Returns a measure's title with an arrow to its better values."""
    return f"{measure.title} {_ARROWS[measure.direction]}".strip()


_ARROWS = {"higher": "↑", "lower": "↓", "neither": ""}


def label(part: str, counts: Mapping[str, Part], benchmark: Benchmark) -> str:
    """Returns a part's name, marked where the copy has less of it than the official one, or of a part of it."""
    splits = benchmark.parts()[part]
    # Where only a union's count is published, its shortage marks every split in it.
    around = [union.name for union in benchmark.unions if set(splits) <= set(union.of) and counts.get(union.name)]
    bare = any(counts[name].official is None for name in splits)
    known = [counts[name] for name in (part, *splits, *(around if bare else ())) if name in counts]
    short = any(one.official is not None and one.have < one.official for one in known)
    missing = any(one.have == 0 for one in known)
    return f"{part} (partial)" if short or missing else part


def cell(measure: Measure, entry: Mapping[str, Any]) -> str:
    """Returns a mean with its interval, and with its spread over seeds where there are several."""
    if entry["mean"] is None:
        return "-"
    digits = 4 if measure.unit == "fraction" else 2
    spread = f" ± {entry['sd']:.{digits}f} over {len(entry['seeds'])} seeds" if "seeds" in entry else ""
    ends = entry["ci95"]
    bracket = "" if ends is None else f" [{ends[0]:.{digits}f}, {ends[1]:.{digits}f}]"
    return f"{entry['mean']:.{digits}f}{spread}{bracket}"
