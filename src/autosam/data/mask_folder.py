"""Masks that lie in a folder, found by their case's name."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy.typing as npt

from autosam.core.errors import DataError
from autosam.core.sample import Sample
from autosam.data.images import read_mask
from autosam.data.walk import images_below, name_below, without_suffix


class MaskFolder:
    """A folder of masks, sub-folders as in the cases' names, which are with or without an extension.

    Args:
        folder: as `autosam predict` writes it, or plain mask files.
        places: sub-folders that are looked through before the folder itself, the first one that has the case counting.

    Raises:
        DataError: where there is no such folder.
    """

    def __init__(self, folder: Path, places: Sequence[str]) -> None:
        if not folder.is_dir():
            raise DataError("there is no such folder of predictions", file=folder, cure="Check the path")
        self._folder = folder
        self._found = {place: _index(folder / place) for place in (*places, "") if (folder / place).is_dir()}

    def read(self, sample: Sample) -> tuple[npt.NDArray[Any], Path, str]:
        """Returns a sample's label map at the size of its image, its file, and its place ("" for the folder itself).

        Raises:
            DataError: where a case has no mask or more than one, an unreadable one, or one of another size.
        """
        file, place = self._find(unicodedata.normalize("NFC", sample.id))
        stored = read_mask(file)
        if stored.shape != sample.size:
            raise DataError(
                f"the prediction is {stored.shape[1]} x {stored.shape[0]} pixels, its image "
                f"{sample.size[1]} x {sample.size[0]}",
                file=file,
                cure="Write it at the image's own size; nothing is resized silently",
            )
        return stored, file, place

    def _find(self, case: str) -> tuple[Path, str]:
        for place, index in self._found.items():
            files = index.get(case, [])
            if len(files) > 1:
                names = ", ".join(file.name for file in files)
                raise DataError(
                    f"several predictions for {case}: {names}", file=self._folder / place, cure="Keep one of them"
                )
            if files:
                return files[0], place
        cure = f"A mask named {case}.png was expected in it"
        raise DataError(f"no prediction for {case}", file=self._folder, cure=cure)


def _index(root: Path) -> dict[str, list[Path]]:
    """Returns the image files below `root` by their name below it, with and without extension."""
    index: dict[str, list[Path]] = {}
    for file in images_below(root):
        name = name_below(file, root)
        for key in {name, without_suffix(name)}:
            index.setdefault(key, []).append(file)
    return index
