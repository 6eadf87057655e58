"""Tables of one dataclass: a row an entry, added as it is done."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Sequence
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any, Generic, TypeVar

from autosam.core.files import append_line, write_text

R = TypeVar("R")

_READ: dict[str, Callable[[str], Any]] = {
    "str": lambda cell: cell + "",
    "int": int,
    "int | None": lambda cell: int(cell) if cell else None,
    "float | None": lambda cell: float(cell) if cell else None,
}


class Table(Generic[R]):
    """Reads and writes a CSV whose columns are a dataclass's fields.

    Args:
        row: a dataclass of strings, whole numbers and fractions, in a module whose annotations are text.
    """

    def __init__(self, row: Callable[..., R]) -> None:
        self._row = row
        self._columns = {field.name: _READ[str(field.type)] for field in fields(row)}  # type: ignore[arg-type]

    def write(self, file: Path, rows: Sequence[R]) -> None:
        """Writes a table anew, whole or not at all."""
        write_text(file, "\n".join([",".join(self._columns), *map(self._line, rows)]) + "\n")

    def append(self, file: Path, row: R) -> None:
        """Adds a row to a table that is there."""
        append_line(file, self._line(row))

    def read(self, file: Path) -> list[R]:
        """Returns the rows; a last one that a kill cut short is left out, and none where there is no table."""
        if not file.exists():
            return []
        # Not as text: a line end inside a cell would come back as another.
        text = file.read_bytes().decode("utf-8", errors="replace")
        whole = text[: text.rfind("\n") + 1]
        rows = []
        for cells in csv.DictReader(io.StringIO(whole, newline="")):
            try:
                rows.append(self._row(**{name: read(cells[name]) for name, read in self._columns.items()}))
            except (TypeError, ValueError, KeyError):
                continue
        return rows

    def _line(self, row: R) -> str:
        stream = io.StringIO()
        # What ends a line is what is quoted in a cell.
        csv.DictWriter(stream, list(self._columns), lineterminator="\r\n").writerow(asdict(row))  # type: ignore[call-overload]
        return stream.getvalue().removesuffix("\r\n")
