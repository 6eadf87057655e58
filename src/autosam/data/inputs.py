"""The images of files and folders that have no masks to pair with: what prediction is given."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from autosam.core.errors import DataError
from autosam.data.folder import IMAGE_FOLDERS, MASK_FOLDERS
from autosam.data.walk import children, distinct, folders_below, images_below, name_below, without_suffix

RECORD = "predict.json"
"""What lies in a folder of predictions: what they were made with."""


def find_images(inputs: Sequence[Path]) -> list[tuple[str, Path]]:
    """Finds the images of files and folders, for prediction.

    Returns:
        The id and path of each. An id is the path below the given folder without extension, or a file's name without
        it; ids that would clash keep the extension (`a.png` beside `a.jpg`), then the given folder's name. A file that
        is named itself is taken whatever it is; of a folder, the files with the suffix of an image, but for those in a
        folder of masks beside one of images, and those that a prediction wrote.

    Raises:
        DataError: where an input is missing, or holds no image, or two ids cannot be told apart.
    """
    found: dict[Path, tuple[str, ...]] = {}
    for given in inputs:
        if given.is_dir():
            others = no_inputs(given)
            files = [file for file in images_below(given) if others.isdisjoint(file.parents)]
            if not files:
                raise DataError(
                    "there is no image in this folder; masks beside images and predictions do not count",
                    file=given,
                    cure="Give a folder or file of images; --clip takes the videos of a folder",
                )
            names = [(file, name_below(file, given), given.resolve().name) for file in files]
        elif given.exists():
            names = [(given, given.name, given.absolute().parent.name)]
        else:
            raise DataError("there is no such file or folder", file=given, cure="Check the path")
        for file, name, folder in names:
            found.setdefault(file.absolute(), (without_suffix(name), name, f"{folder}/{name}"))
    return list(zip(distinct(list(found.values())), found, strict=True))


def no_inputs(root: Path) -> set[Path]:
    """Returns the folders, at any depth, of masks beside one of images and of predictions: nothing to predict."""
    found: set[Path] = set()
    for folder in folders_below(root):
        inside, files = children(folder)
        if any(one.name.lower() in IMAGE_FOLDERS for one in inside):
            found.update(one for one in inside if one.name.lower() in MASK_FOLDERS)
        if any(file.name == RECORD and _is_record(file) for file in files):
            found.add(folder)
    return found


def _is_record(file: Path) -> bool:
    """Says whether a file is AutoSAM's own: others may have one of that name among their images."""
    try:
        said = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return isinstance(said, dict) and {"card", "model", "threshold"} <= said.keys()
