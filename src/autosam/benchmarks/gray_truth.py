"""Masks of the saliency benchmarks: gray values of which more than 128 is foreground."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from autosam.benchmarks.benchmark import Labels
from autosam.core.errors import DataError
from autosam.data.images import read_mask

MASKS = frozenset({".png", ".jpg", ".jpeg"})


def read_gray(file: Path, size: tuple[int, int]) -> tuple[Labels, tuple[str, ...]]:
    """Returns a mask's gray values (H, W), 0..255; one of 0 and 1 (1-bit) as 0 and 255.

    Raises:
        DataError: where it cannot be read, or its values are those of labels.
    """
    labels = read_mask(file)
    most = int(labels.max())
    if most == 1:
        return np.asarray(labels * 255, np.uint8), ()
    if 0 < most <= 128 or most > 255 or int(labels.min()) < 0:
        raise DataError(
            f"its values go up to {most}, where a mask of this benchmark is black and white (foreground above 128)",
            file=file,
            cure="Put the official mask in its place",
        )
    return labels, ()
