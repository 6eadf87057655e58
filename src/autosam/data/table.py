"""A CSV of pairs: image, mask and, if wanted, group."""

from __future__ import annotations

import csv
import io
import os
from dataclasses import dataclass
from pathlib import Path

from autosam.core.checks import nearest
from autosam.core.errors import DataError
from autosam.data.walk import name_below


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table, its paths made whole.

    Attributes:
        name: the image's path with extension below the folder that all images share.
        image: path of the image.
        mask: path of the mask.
        group: what the column says; None where it is empty or not there.
    """

    name: str
    image: Path
    mask: Path
    group: str | None


def read_table(file: Path) -> tuple[list[Row], list[str]]:
    """Reads a CSV with the columns image, mask and optionally group; paths are relative to the CSV.

    UTF-8 with or without a byte order mark; fields split by commas, semicolons or tabs.

    Returns:
        The rows, and the names of further columns, which take no part.

    Raises:
        DataError: on a missing column, an empty cell, a missing file or an image listed twice, with the line.
    """
    lines = _lines(file)
    names = [name.strip().lower() for name in lines[0][1]]
    for wanted in ("image", "mask"):
        if names.count(wanted) != 1:
            near = nearest(wanted, names, most=1)
            hint = f"Rename {near[0]!r}. " if near and near[0] != wanted else ""
            there = ", ".join(repr(name) for name in names)
            raise DataError(
                f"it needs one column named {wanted!r}, and has {there}",
                file=file,
                cure=f"{hint}The first line must be image,mask or image,mask,group",
            )
    found: list[tuple[Path, Path, str | None]] = []
    seen: dict[Path, int] = {}
    for number, cells in lines[1:]:
        row = dict(zip(names, (cell.strip() for cell in cells), strict=False))
        image, mask = (_there(file, number, name, row.get(name, "")) for name in ("image", "mask"))
        place = _whole(image)
        if place in seen:
            raise DataError(
                f"line {number}: {image.name} is listed already in line {seen[place]}",
                file=file,
                cure="Remove one line",
            )
        seen[place] = number
        found.append((image, mask, row.get("group") or None))
    if not found:
        raise DataError("the table has no rows", file=file, cure="List at least one image and its mask")
    base = _base(_whole(file.parent), list(seen))
    rows = [
        Row(name_below(place, base), image, mask, group)
        for place, (image, mask, group) in zip(seen, found, strict=True)
    ]
    return rows, [name for name in names if name and name not in ("image", "mask", "group")]


def notes_on_masks(rows: list[Row]) -> list[str]:
    """Returns a sentence for each of the first masks that several rows name."""
    images: dict[Path, list[str]] = {}
    for row in rows:
        images.setdefault(_whole(row.mask), []).append(row.image.name)
    shared = [(mask, names) for mask, names in images.items() if len(names) > 1]
    return [f"{mask.name} is the mask of several images: {', '.join(names[:6])}" for mask, names in shared[:6]]


def _lines(file: Path) -> list[tuple[int, list[str]]]:
    try:
        text = file.read_text(encoding="utf-8-sig")
    except OSError as fault:
        raise DataError(f"cannot be read ({fault.strerror})", file=file, cure="Check its permissions") from fault
    except UnicodeDecodeError as fault:
        raise DataError("it is not UTF-8 text", file=file, cure="Save it as CSV in UTF-8") from fault
    head = text.lstrip("\r\n").partition("\n")[0]
    delimiter = max(",;\t", key=head.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        lines = [(reader.line_num, cells) for cells in reader if any(cell.strip() for cell in cells)]
    except csv.Error as fault:
        raise DataError(f"line {reader.line_num}: {fault}", file=file, cure="Mend the quotes of that line") from fault
    if not lines:
        raise DataError("the table is empty", file=file, cure="Its first line must be image,mask or image,mask,group")
    return lines


def _whole(path: Path) -> Path:
    """Returns a path from the root on, so that one file has one however it is written."""
    return Path(os.path.normpath(path.absolute()))


def _there(file: Path, number: int, column: str, cell: str) -> Path:
    if not cell:
        raise DataError(f"line {number}: the cell of {column!r} is empty", file=file, cure="Fill it or remove the line")
    path = Path(os.path.normpath(file.parent / cell))
    # A cell longer than a name may be, or with a zero byte in it, is no file either.
    if not os.path.isfile(path):  # noqa: PTH113
        foreign = "\\" in cell and os.sep != "\\"
        raise DataError(
            f"line {number}: there is no file {cell}",
            file=file,
            cure="Write / between folders, not \\" if foreign else "Paths are relative to the folder of the CSV",
        )
    return path


def _base(folder: Path, images: list[Path]) -> Path:
    if all(image.is_relative_to(folder) for image in images):
        return folder
    return Path(os.path.commonpath([image.parent for image in images]))
