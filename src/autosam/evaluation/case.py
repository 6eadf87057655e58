"""One scored case, and one that could not even be read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True, slots=True)
class Case:
    """A row of the report.

    Attributes:
        id: the case's name.
        group: what the bootstrap draws as one (patient, clip, slide); None where unknown.
        file: the image's file; None where there is none.
        size: height and width in pixels; None where neither image nor truth could be read.
        scores: a value per metric. A case without a prediction is scored as an empty mask; one whose truth is not known
            either has 0 for every metric where higher is better, and no value for the others.
        error: why there is no prediction; None where there is one.
        surrogate: the same scores for the surrogate decoder's mask; None where it made none.
        unit: of distances, "mm" where the spacing is known.
        one_empty: whether just one of truth and prediction is empty, so that distances are the image's diagonal.
        truth_share: share of the image that is foreground in the truth, 0..1; None where unknown.
        mask_share: the same of the prediction.
        confidence: the prediction's own mean confidence, 0..1; None without a prediction, or where it is a bare mask.
        seconds: wall-clock time of the prediction; None without one, or where it was made before.
        content: hash of image and truth, by which two evaluations are known to be of the same case; None where unknown.
    """

    id: str
    group: str | None
    file: str | None
    size: tuple[int, int] | None
    scores: Mapping[str, float]
    error: str | None = None
    surrogate: Mapping[str, float] | None = None
    unit: Literal["px", "mm"] = "px"
    one_empty: bool = False
    truth_share: float | None = None
    mask_share: float | None = None
    confidence: float | None = None
    seconds: float | None = None
    content: str | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Failure:
    """A case that could not be read; it counts all the same, as an empty mask.

    Attributes:
        id: the case's name.
        error: what is wrong with it.
        mask: (H, W) bool, the truth where at least that could be read.
        group: as in `Case`.
        file: as in `Case`.
        spacing: millimetres per pixel as (row, column); None where unknown.
    """

    id: str
    error: str
    mask: npt.NDArray[np.bool_] | None = field(default=None)
    group: str | None = None
    file: str | None = None
    spacing: tuple[float, float] | None = None
