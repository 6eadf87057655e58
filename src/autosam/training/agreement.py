"""How far the masks of a model are from those of the one that it was made of, and how long each takes."""

from __future__ import annotations

import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from autosam.core.progress import Progress
from autosam.data.images import read_image
from autosam.inference.model import Model
from autosam.metrics.overlap import iou


@dataclass(frozen=True, slots=True)
class Agreement:
    """What changed in the masks of one decoder.

    Attributes:
        mean: IoU of the masks before and after, mean over images.
        least: that of the image where it is least.
        empty: on how many images both masks are empty, which counts as an IoU of 1.
        seconds: an image, before and after, medians.
        engine: what made the masks.
    """

    mean: float
    least: float
    empty: int
    seconds: tuple[float, float]
    engine: str


def agreement_of(before: Model, after: Model, files: Sequence[Path], progress: Progress) -> Agreement:
    """Returns how far the masks of two models are apart on images, at least one, in turn; `progress` is told of each.

    Raises:
        DataError: where an image is missing or cannot be read.
    """
    # The first image waits for what is made once.
    for model in (before, after):
        model.predict(files[0])
    values, seconds, empty = [], [], 0
    for file in files:
        (one, took), (other, takes) = (_timed(model, file, progress) for model in (before, after))
        values.append(iou(one, other))
        empty += not (one.any() or other.any())
        seconds.append((took, takes))
    was, now = (statistics.median(side) for side in zip(*seconds, strict=True))
    return Agreement(statistics.fmean(values), min(values), empty, (was, now), after.predictor.masks.engine)


def _timed(model: Model, file: Path, progress: Progress) -> tuple[npt.NDArray[np.bool_], float]:
    image = read_image(file)
    started = time.perf_counter()
    mask = model.predict(image).mask
    progress.advance()
    return mask, time.perf_counter() - started
