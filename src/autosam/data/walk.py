"""Folders looked through in one natural order, without hidden files and without loops."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from autosam.core.errors import DataError
from autosam.core.names import writable
from autosam.data.images import IMAGE_SUFFIXES

_CLUTTER = frozenset({"thumbs.db", "desktop.ini", "__macosx"})


def natural(text: str) -> tuple[tuple[int, str], ...]:
    """Returns a sorting key under which `x_2` comes before `x_10`; total, so that no order depends on the disk."""
    parts = re.split(r"(\d+)", text)
    key = tuple((int(part), part) if index % 2 else (-1, part.casefold()) for index, part in enumerate(parts))
    return (*key, (-1, text))


def is_image(path: Path) -> bool:
    """Says whether a path has the suffix of an image."""
    return path.suffix.lower() in IMAGE_SUFFIXES


def children(folder: Path) -> tuple[list[Path], list[Path]]:
    """Returns the visible sub-folders and files of a folder, each in natural order.

    Raises:
        DataError: where the folder cannot be read.
    """
    try:
        entries = [
            entry for entry in folder.iterdir() if not entry.name.startswith(".") and entry.name.lower() not in _CLUTTER
        ]
        entries.sort(key=lambda entry: natural(entry.name))
        folders = [entry for entry in entries if entry.is_dir()]
        return folders, [entry for entry in entries if not entry.is_dir()]
    except OSError as fault:
        reason = fault.strerror or str(fault)
        raise DataError(f"cannot be read ({reason})", file=folder, cure="Check the path and its permissions") from fault


Place = tuple[Path, list[Path], list[Path]]
"""A folder with its sub-folders and files, each in natural order."""


def walked(folder: Path) -> Iterator[Place]:
    """Yields a folder and all below it; a link back to a folder on the way down is not followed."""
    yield from _walked(folder, ())


def folders_below(folder: Path) -> Iterator[Path]:
    """Yields the folders of `walked`."""
    return (place for place, _, _ in walked(folder))


def images_below(folder: Path) -> list[Path]:
    """Returns every file with the suffix of an image in a folder, at any depth."""
    return [file for _, _, files in walked(folder) for file in files if is_image(file)]


def name_below(file: Path, folder: Path) -> str:
    """Returns a file's path below `folder`: "/" between folders, one Unicode form (NFC), bytes of none as escapes."""
    return writable(unicodedata.normalize("NFC", file.relative_to(folder).as_posix()))


def without_suffix(name: str) -> str:
    """Returns a name without the suffix of an image."""
    return name[: -len(Path(name).suffix)] if is_image(Path(name)) else name


def _walked(folder: Path, above: tuple[Path, ...]) -> Iterator[Place]:
    real = folder.resolve()
    if real in above:
        return
    folders, files = children(folder)
    yield folder, folders, files
    for child in folders:
        yield from _walked(child, (*above, real))


def distinct(candidates: list[tuple[str, ...]]) -> list[str]:
    """Returns an id for each of several candidates, from its first name on until no two are the same.

    Names that differ in case alone count as the same as long as there are others: some disks do not tell them apart.

    Raises:
        DataError: where the last names are the same too.
    """
    levels = [0] * len(candidates)
    while True:
        ids = [names[level] for names, level in zip(candidates, levels, strict=True)]
        count = Counter(name.casefold() for name in ids)
        clashing = [index for index, name in enumerate(ids) if count[name.casefold()] > 1]
        raisable = [index for index in clashing if levels[index] + 1 < len(candidates[index])]
        if not raisable:
            same = [name for name, number in Counter(ids).items() if number > 1]
            if same:
                raise DataError(f"several inputs would be named {same[0]!r}", cure="Give them in separate runs")
            return ids
        for index in raisable:
            levels[index] += 1
