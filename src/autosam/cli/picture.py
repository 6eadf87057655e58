"""Where the picture of a data check goes."""

from __future__ import annotations

from pathlib import Path

from autosam.core.errors import UsageError
from autosam.core.files import try_to_write


def picture_place(data: Path, picture: Path | None) -> Path | str:
    """Returns the file of the picture, which can be written; or why there is none, where no place was named.

    Raises:
        UsageError: where the place that was named is among the data.
        OSError: where it cannot be written.
        ResourceError: where its disk is full.
    """
    file = picture or _free(Path(f"{data.resolve().stem or 'data'}-check.png"))
    # There it would be an image of the data set, or take the place of one.
    if data.is_dir() and file.resolve().is_relative_to(data.resolve()):
        if picture is None:
            return "you are among the data"
        raise UsageError("the picture would lie among the data", file=picture, cure="Name another place")
    try:
        try_to_write(file.parent)
    except OSError:
        if picture is None:
            return "this folder cannot be written"
        raise
    return file


def _free(file: Path) -> Path:
    """Returns `file`, or its name with the first number that is not taken."""
    taken = 1
    free = file
    while free.exists():
        taken += 1
        free = file.with_name(f"{file.stem}-{taken}{file.suffix}")
    return free
