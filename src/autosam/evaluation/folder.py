"""Masks that somebody else predicted, read from a folder."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from autosam.core.errors import DataError
from autosam.core.sample import Sample
from autosam.data.foreground import Foreground
from autosam.data.images import IMAGE_SUFFIXES, read_mask
from autosam.inference.prediction import Prediction


def predictions_from(folder: Path, foreground: Foreground | None = None) -> Callable[[Sample], Prediction]:
    """Returns a predictor that reads `folder`/masks/ID.* or `folder`/ID.*, ID being the sample's.

    Args:
        folder: as `autosam predict` writes it, or plain mask files, sub-folders as in the ids.
        foreground: which values are foreground; None: 0 is background, another single value foreground.

    Raises:
        DataError: where there is no such folder; and by the predictor, where a case has no mask or more than one, an
            unreadable one, one of another size than its image, or one with several values and no rule for them.
    """
    if not folder.is_dir():
        raise DataError("there is no such folder of predictions", file=folder)
    rule = foreground or Foreground.parse(None)
    indices = [_index(root) for root in (folder / "masks", folder) if root.is_dir()]

    def predict(sample: Sample) -> Prediction:
        file = _find(sample.id, indices, folder)
        mask = rule.binary(read_mask(file), file)
        if mask.shape != sample.size:
            raise DataError(
                f"the prediction is {mask.shape[1]} x {mask.shape[0]} pixels, its image "
                f"{sample.size[1]} x {sample.size[0]}",
                file=file,
                cure="Write it at the image's own size; nothing is resized silently",
            )
        return Prediction(sample.id, sample.rgb(), mask.astype(np.float32))

    return predict


def _index(root: Path) -> dict[str, list[Path]]:
    """Returns the image files below `root` by their path relative to it, with and without extension."""
    index: dict[str, list[Path]] = {}
    for file in sorted(root.rglob("*")):
        if file.suffix.lower() in IMAGE_SUFFIXES and file.is_file():
            inside = file.relative_to(root)
            index.setdefault(inside.as_posix(), []).append(file)
            index.setdefault(inside.with_suffix("").as_posix(), []).append(file)
    return index


def _find(case: str, indices: list[dict[str, list[Path]]], folder: Path) -> Path:
    found = next((index[case] for index in indices if case in index), [])
    if not found:
        raise DataError(f"no prediction for {case}", file=folder, cure=f"A mask named {case}.png was expected in it")
    if len(found) > 1:
        names = ", ".join(file.name for file in found)
        raise DataError(f"several predictions for {case}: {names}", file=folder, cure="Keep one of them")
    return found[0]
