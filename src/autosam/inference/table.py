"""The table of a folder of predictions: a row a file, added as it is done."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from autosam.inference.rows import Table


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


_TABLE = Table(Row)


def write_rows(file: Path, rows: Sequence[Row]) -> None:
    """Writes a table anew, whole or not at all."""
    _TABLE.write(file, rows)


def append_row(file: Path, row: Row) -> None:
    """Adds a row to a table that is there."""
    _TABLE.append(file, row)


def read_rows(file: Path) -> list[Row]:
    """Returns the rows of a table; a last one that a kill cut short is left out, and none where there is no table."""
    return _TABLE.read(file)
