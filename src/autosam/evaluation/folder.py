"""Masks that somebody else predicted, read from a folder."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from autosam.core.errors import DataError
from autosam.core.sample import Sample
from autosam.data.foreground import Foreground, describe, value_counts
from autosam.data.mask_folder import MaskFolder
from autosam.inference.prediction import Prediction


def predictions_from(folder: Path, foreground: Foreground | None = None) -> Callable[[Sample], Prediction]:
    """Returns a predictor that reads `folder`/masks/ID.* or `folder`/ID.*, ID being the sample's.

    Args:
        folder: as `autosam predict` writes it, or plain mask files, sub-folders as in the ids.
        foreground: which values of these masks are foreground, whatever the truth's are; None: 0 is background, another
            single value foreground.

    Raises:
        DataError: where there is no such folder; and by the predictor, where a case has no mask or more than one, an
            unreadable one, one of another size than its image, or one with several values and no rule for them.
    """
    masks = MaskFolder(folder, ("masks",))

    def predict(sample: Sample) -> Prediction:
        labels, file, _ = masks.read(sample)
        if foreground is None:
            counts = value_counts(labels)
            if len(counts.keys() - {0}) > 1 or min(counts) < 0:
                raise DataError(
                    f"the prediction has {len(counts)} values: {describe(counts)}; which are foreground is not guessed",
                    file=file,
                    cure="Write it with 0 for background and one other value, in a format without loss (PNG); the "
                    "rule for foreground is the truth's",
                )
        mask = labels != 0 if foreground is None else foreground.binary(labels, file)
        return Prediction(sample.id, sample.rgb(), mask.astype(np.float32))

    return predict
