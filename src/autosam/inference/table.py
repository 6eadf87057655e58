"""The table of a folder of predictions: a row a file, added as it is done."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from autosam.core.files import append_line, write_text


@dataclass(frozen=True, slots=True)
class Row:
    """A line of predictions.csv.

    Attributes:
        file: the image's file.
        id: its name in the output folder.
        width: in pixels.
        height: in pixels.
        area_share: share of the image that is foreground, 0..1.
        parts: number of 8-connected components.
        confidence: see `Prediction.confidence`.
        seconds: time of the prediction.
        error: why there is no mask; empty where there is one.
    """

    file: str
    id: str
    width: int | None = None
    height: int | None = None
    area_share: float | None = None
    parts: int | None = None
    confidence: float | None = None
    seconds: float | None = None
    error: str = ""


_NAMES = [field.name for field in fields(Row)]
_WHOLE, _FRACTIONS = ("width", "height", "parts"), ("area_share", "confidence", "seconds")


def write_rows(file: Path, rows: Sequence[Row]) -> None:
    """Writes a table anew, whole or not at all."""
    write_text(file, "\n".join([",".join(_NAMES), *map(_line, rows)]) + "\n")


def append_row(file: Path, row: Row) -> None:
    """Adds a row to a table that is there."""
    append_line(file, _line(row))


def read_rows(file: Path) -> list[Row]:
    """Returns the rows of a table; a last one that a kill cut short is left out, and none where there is no table."""
    if not file.exists():
        return []
    text = file.read_text(encoding="utf-8", errors="replace")
    whole = text[: text.rfind("\n") + 1]
    rows = []
    for cells in csv.DictReader(io.StringIO(whole, newline="")):
        try:
            rows.append(_row(cells))
        except (TypeError, ValueError, KeyError):
            continue
    return rows


def _line(row: Row) -> str:
    stream = io.StringIO()
    csv.DictWriter(stream, _NAMES, lineterminator="").writerow(asdict(row))
    return stream.getvalue()


def _row(cells: dict[str, str]) -> Row:
    known: dict[str, Any] = {name: cells[name] + "" for name in ("file", "id", "error")}
    known |= {name: int(cells[name]) if cells[name] else None for name in _WHOLE}
    known |= {name: float(cells[name]) if cells[name] else None for name in _FRACTIONS}
    return Row(**known)
