"""The images of files and folders that have no masks to pair with: what prediction is given."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from autosam.core.errors import DataError
from autosam.data.folder import IMAGE_FOLDERS, MASK_FOLDERS
from autosam.data.walk import children, distinct, folders_below, images_below, name_below, without_suffix


def find_images(inputs: Sequence[Path]) -> list[tuple[str, Path]]:
    """Finds the images of files and folders, for prediction.

    Returns:
        The id and path of each. An id is the path below the given folder without extension, or a file's name without
        it; ids that would clash keep the extension (`a.png` beside `a.jpg`), then the given folder's name. A file that
        is named itself is taken whatever it is; of a folder, the files with the suffix of an image, but for those in a
        folder of masks beside one of images.

    Raises:
        DataError: where an input is missing, or holds no image, or two ids cannot be told apart.
    """
    found: dict[Path, tuple[str, ...]] = {}
    for given in inputs:
        if given.is_dir():
            masks = mask_folders(given)
            files = [file for file in images_below(given) if masks.isdisjoint(file.parents)]
            if not files:
                raise DataError(
                    "there is no image in this folder",
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


def mask_folders(root: Path) -> set[Path]:
    """Returns the folders of masks, at any depth, that lie beside one of images."""
    found: set[Path] = set()
    for folder in folders_below(root):
        inside = children(folder)[0]
        if any(one.name.lower() in IMAGE_FOLDERS for one in inside):
            found.update(one for one in inside if one.name.lower() in MASK_FOLDERS)
    return found
