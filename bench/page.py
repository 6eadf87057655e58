"""docs/speed.md and its picture, written from whatever parts were measured: `python -m bench.page`."""

from __future__ import annotations

import statistics
from pathlib import Path
from typing import Any

from autosam.core.files import write_text
from bench.plots import draw_growth, draw_ratios
from bench.profile import SOFTMAX, WORK, Profiles, least_seconds, read_profiles
from bench.result import KINDS, Row, read, read_curves

PARTS = ("step", "image", "lite", "compile", "memory", "throughput", "startup", "agreement")
_APART = ("startup", "agreement")
PAGE, PICTURE = Path("docs/speed.md"), Path("docs/images/speed.png")
GROWTH = Path("docs/images/growth.png")

Parts = dict[str, tuple[dict[str, Any], list[Row]]]

_HEAD = """# Speed

Written by `make bench` ([how](../bench)); every figure is of the machine that its section names and nothing else. A
baseline and what is held against it run in one process, in turn, and the ratio is the median of the rounds' ratios;
memory is that of a process for each. The reference code's work is re-stated from its description
(`bench/reference.py`): SAM's encoder at every step, float32, eager attention with its bias tensors, gradients kept for
the frozen decoder, HarDNet-85 with the stage that nothing reads. "Made weights" are drawn from a seed: the arithmetic
is that of real ones, the masks mean nothing.
"""


def main() -> None:
    """Writes the page."""
    write()


def write() -> None:
    """Writes the page and its pictures from the parts that were measured, on every kind of CPU."""
    found = {kind: parts for kind in KINDS if (parts := _found(kind))}
    if not found:
        raise SystemExit("nothing was measured yet: python -m bench")
    sides = {kind: timed for kind, parts in found.items() if (timed := _rows(parts))}
    floors = {kind: any(machine["floors"] for machine, _ in parts.values()) for kind, parts in found.items()}
    text = [_HEAD]
    if sides:
        # A floor of 1 is a limit and no race.
        some = {
            kind: [row for row in rows if row.unit in ("s", "MB") and row.floor is not None and row.floor > 1]
            for kind, rows in sides.items()
        }
        some = {kind: rows for kind, rows in some.items() if rows}
        if some:
            draw_ratios(some, floors, PICTURE)
            text.append(f"![Every path beside its baseline](images/{PICTURE.name})\n")
        text.append(_overview(sides, floors))
    curves = {kind: one for kind in KINDS if (one := read_curves(kind)) is not None}
    if curves:
        draw_growth(curves, GROWTH)
        text.append(
            "## Growth\n\nTime over the number of images, their size, the cached views of an image and the batch of a "
            "step (`python -m bench.growth`), LiteMedSAM with the light g.\n\n"
            f"![Growth](images/{GROWTH.name})\n"
        )
    for kind, parts in found.items():
        text += _section(kind, parts, floors[kind])
    write_text(PAGE, "\n".join(text))
    print(PAGE)


def _found(kind: str) -> Parts:
    return {part: kept for part in PARTS if (kept := read(part, kind)) is not None}


def _rows(parts: Parts) -> list[Row]:
    return [row for part, (_, kept) in parts.items() if part not in _APART for row in kept]


def _section(kind: str, parts: Parts, floors: bool) -> list[str]:
    """Returns what was measured on one kind of CPU."""
    text = [f"## {kind}\n", *_machines({part: machine for part, (machine, _) in parts.items()})]
    if not floors:
        text.append(
            "The floors hold for CPUs with AMX or AVX-512 bf16. This one has neither, so its ratios are held to none.\n"
        )
    if rows := _rows(parts):
        text += [_table(rows, floors), _rounds(rows)]
    if "startup" in parts:
        text.append(_startup(parts["startup"][1]))
    if "agreement" in parts:
        text.append(_agreement(parts["agreement"][1]))
    if (kept := read_profiles(kind)) is not None:
        text.append(_bounds(*kept, {row.path: row for row in _rows(parts)} if floors else {}))
    return text


def _overview(sides: dict[str, list[Row]], floors: dict[str, bool]) -> str:
    """Returns every path's ratio on every kind of CPU."""
    lines = ["| path | floor | " + " | ".join(sides) + " |", "|---|---|" + "---|" * len(sides)]
    by_path: dict[str, dict[str, Row]] = {}
    for kind, rows in sides.items():
        for row in rows:
            by_path.setdefault(row.path, {})[kind] = row
    for path, by_kind in by_path.items():
        floor = next((row.floor for row in by_kind.values() if row.floor is not None), None)
        cells = [_cell(by_kind.get(kind), floors[kind]) for kind in sides]
        lines.append(f"| {path} | {'-' if floor is None else f'{floor:g}'} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _cell(row: Row | None, floors: bool) -> str:
    if row is None:
        return "-"
    mark = "" if row.floor is None or not floors else " ✓" if row.ratio >= row.floor else " ✗"
    return f"**{row.ratio:.2f}**{mark}"


def _machines(by_part: dict[str, dict[str, Any]]) -> list[str]:
    """Returns a line for each machine; with the parts that ran on it, where there are several."""
    lines = []
    texts = {part: _machine(facts) for part, facts in by_part.items()}
    for text in dict.fromkeys(texts.values()):
        parts = ", ".join(part for part, one in texts.items() if one == text)
        lines.append(text + "\n" if len(set(texts.values())) == 1 else f"- {parts}: {text}\n")
    return lines


def _machine(facts: dict[str, Any]) -> str:
    versions = ", ".join(f"{name} {version}" for name, version in facts["versions"].items())
    return (
        f"{facts['cpu']} ({', '.join(facts['features']) or 'no vectors known'}), {facts['cores']} cores, "
        f"{facts['threads']} threads, {facts['memory'] / 2**30:.0f} GB; {facts['system']}; {versions}."
    )


def _table(rows: list[Row], floors: bool) -> str:
    lines = ["| path | baseline | ours | ratio | floor | agreement | load |", "|---|---|---|---|---|---|---|"]
    for row in rows:
        close = ", ".join(f"{name} {value:.5g}" for name, value in row.agreement.items()) or "-"
        floor = "-" if row.floor is None or not floors else f"{row.floor:g} {'✓' if row.ratio >= row.floor else '✗'}"
        lines.append(
            f"| {row.path}<br>{row.note} | {_middle(row.before):.4g} {row.unit} | {_middle(row.after):.4g} {row.unit} "
            f"| **{row.ratio:.2f}** | {floor} | {close} | {_span(row.load)} |"
        )
    return "\n".join(lines) + "\n"


def _rounds(rows: list[Row]) -> str:
    lines = ["### All rounds", "", "| path | baseline | ours |", "|---|---|---|"]
    for row in rows:
        before, after = (" ".join(f"{value:.4g}" for value in side) for side in (row.before, row.after))
        lines.append(f"| {row.path} | {before} | {after} |")
    return "\n".join(lines) + "\n"


def _startup(rows: list[Row]) -> str:
    lines = [
        "### Start-up",
        "",
        "What a person waits for in a fresh process, with everything kept from an earlier time",
        "(`python -m bench.startup`); the first mask is that of `autosam predict` on one image with LiteMedSAM.",
        "",
        "| | median | at most | all rounds | |",
        "|---|---|---|---|---|",
    ]
    for row in rows:
        rounds = " ".join(f"{seconds:.2f}" for seconds in row.after)
        lines.append(
            f"| {row.path} | {statistics.median(row.after):.2f} s | {row.before[0]:g} s | {rounds} | {row.note} |"
        )
    return "\n".join(lines) + "\n"


def _agreement(rows: list[Row]) -> str:
    lines = [
        "### Agreement of engines",
        "",
        "IoU of each engine's masks with those of torch in float32, a trained run on real images",
        "(`python -m bench.agreement`); the mean must be at least .995 and none below .97.",
        "",
        "| engine | mean | least | |",
        "|---|---|---|---|",
    ]
    for row in rows:
        lines.append(
            f"| {row.path.removeprefix('masks of ')} | {row.agreement['mean']:.5f} | {row.agreement['least']:.5f} "
            f"| {row.note} |"
        )
    return "\n".join(lines) + "\n"


def _bounds(machine: dict[str, Any], profiles: Profiles, rows: dict[str, Row]) -> str:
    """Returns where the time of graphs goes, beside what their arithmetic would take at the machine's own pace."""
    paces = {of: statistics.median(pace) for of, pace in profiles.paces.items()}
    said = {of: f"{paces[of]:.3g} ({min(pace):.3g} to {max(pace):.3g})" for of, pace in profiles.paces.items()}
    products = ", ".join(f"{said[of]} in {of}" for of in said if of != SOFTMAX)
    lines = [
        "### What bounds them",
        "",
        "Where a new image's time goes in OpenVINO: its own times of a graph's operations, medians added up by kind of",
        "work, G multiply-adds in brackets (`python -m bench.bounds`). After each call torch was timed at the same",
        f"arithmetic. A product of two 4096 x 4096 matrices had {products}, in G multiply-adds a second; a softmax",
        f"over 4096 values in the cache {said[SOFTMAX]} G values a second. Least is what a graph's products and",
        "attention's softmaxes would take at those paces with nothing beside them.",
        "",
        _machine(machine),
        "",
        f"| graph | the floor asks for | a call | least: products + softmaxes | {' | '.join(WORK)} |",
        "|---|---|---|---|" + "---|" * len(WORK),
    ]
    for graph in profiles.graphs:
        row = rows.get(graph.path)
        wanted = "-" if row is None or row.floor is None else f"{_middle(row.before) / row.floor:.2f} s"
        least = least_seconds(graph, paces)
        work = (
            f"{graph.work[kind]:.2f} s"
            + (f" ({graph.products[kind]:.0f} G)" if graph.products.get(kind, 0) > 1 else "")
            for kind in WORK
        )
        lines.append(
            f"| {graph.path} | {wanted} | {graph.seconds:.2f} s "
            f"| {sum(least):.2f} s: {least[0]:.2f} + {least[1]:.2f} | {' | '.join(work)} |"
        )
    return "\n".join(lines) + "\n"


def _middle(values: list[float]) -> float:
    return sorted(values)[len(values) // 2]


def _span(loads: list[float]) -> str:
    return f"{min(loads):.1f} to {max(loads):.1f}" if loads else "-"


if __name__ == "__main__":
    main()
