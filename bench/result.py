"""What each part of the benchmark last found on each kind of CPU, kept as JSON beside the page written of it."""

from __future__ import annotations

import json
import statistics
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from autosam.core.files import write_json
from autosam.inference.cpu import FEATURES
from bench.machine import facts, has_floors, kind
from bench.pairs import ratios

FOLDER = Path("docs/speed")
KINDS = (*reversed(FEATURES), "other")
"""Kinds of CPU by their best instruction set, the fastest first."""


@dataclass(frozen=True, slots=True)
class Row:
    """One path beside its baseline.

    Attributes:
        path: what was measured.
        baseline: what it was held against.
        unit: of the figures: "s", "MB" or "images/s".
        before: the baseline's figures, one a round.
        after: ours.
        ratio: how many times better ours are: the median of the rounds' ratios; for a rate the rate itself.
        floor: what the ratio must reach on a CPU with bf16 instructions; None for no such demand.
        agreement: how close the results are, by the measure's name.
        note: what else belongs to the figure.
        load: of the machine at the end of each round.
    """

    path: str
    baseline: str
    unit: str
    before: list[float]
    after: list[float]
    ratio: float
    floor: float | None = None
    agreement: dict[str, float] = field(default_factory=dict)
    note: str = ""
    load: list[float] = field(default_factory=list)

    @property
    def met(self) -> bool | None:
        """Whether the floor is reached; None where there is none for this CPU."""
        return None if self.floor is None or not has_floors() else self.ratio >= self.floor


@dataclass(frozen=True, slots=True)
class Curve:
    """Seconds over a number.

    Attributes:
        over: what the number is.
        unit: of the values.
        points: value by number, ascending.
    """

    over: str
    unit: str
    points: dict[int, float]


def timed_row(
    path: str,
    names: tuple[str, str],
    seconds: Mapping[str, list[float]],
    load: list[float],
    *,
    floor: float | None,
    agreement: dict[str, float],
    note: str = "",
) -> Row:
    """Returns the row of two works, (baseline, ours) by name, that `alternate` timed."""
    before, after = seconds[names[0]], seconds[names[1]]
    return Row(
        path=path,
        baseline=names[0],
        unit="s",
        before=before,
        after=after,
        ratio=statistics.median(ratios(before, after)),
        floor=floor,
        agreement=agreement,
        note=note,
        load=load,
    )


def keep(part: str, rows: list[Row]) -> None:
    """Prints the rows of a part and writes them, with the machine's facts, for the page."""
    for row in rows:
        close = ", ".join(f"{name} {value:.4g}" for name, value in row.agreement.items())
        floor = "" if row.met is None else f" (floor {row.floor:g}: {'reached' if row.met else 'MISSED'})"
        print(f"{row.path}: {row.ratio:.2f}{floor}; {close or 'nothing to compare'}; {row.note}", flush=True)
    write_json(file_of(part, kind()), {"part": part, "machine": facts(), "rows": [asdict(row) for row in rows]})


def read(part: str, of: str) -> tuple[dict[str, Any], list[Row]] | None:
    """Returns the machine's facts and the rows of a part on a kind of CPU; None where it was not measured."""
    file = file_of(part, of)
    if not file.is_file():
        return None
    content = json.loads(file.read_text(encoding="utf-8"))
    return content["machine"], [Row(**row) for row in content["rows"]]


def keep_curves(curves: list[Curve]) -> None:
    """Writes the curves of growth, with the machine's facts, for the page."""
    write_json(file_of("growth", kind()), {"machine": facts(), "curves": [asdict(one) for one in curves]})


def read_curves(of: str) -> list[Curve] | None:
    """Returns the curves of growth on a kind of CPU; None where they were not measured."""
    file = file_of("growth", of)
    if not file.is_file():
        return None
    found = json.loads(file.read_text(encoding="utf-8"))["curves"]
    return [Curve(one["over"], one["unit"], {int(x): y for x, y in one["points"].items()}) for one in found]


def file_of(part: str, of: str) -> Path:
    """Returns where a part is kept for a kind of CPU."""
    return FOLDER / of.lower().replace(" ", "-") / f"{part}.json"
