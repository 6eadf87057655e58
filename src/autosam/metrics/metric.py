"""What a metric is: a name, a direction, a unit, and a pure function of two masks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np
import numpy.typing as npt

Mask = npt.NDArray[np.bool_]
Spacing = tuple[float, float]
Direction = Literal["higher", "lower"]
Unit = Literal["fraction", "length"]


class MetricFunction(Protocol):
    """A pure function of the truth and the prediction, both (H, W) bool."""

    def __call__(self, truth: Mask, prediction: Mask, spacing: Spacing | None = None) -> float:
        """Returns the score; `spacing` is mm per (row, column)."""
        ...


@dataclass(frozen=True, slots=True)
class Metric:
    """A score of one predicted mask.

    Attributes:
        name: the key in tables and files.
        direction: which values are better.
        unit: "fraction" for 0..1; "length" for pixels, or millimetres where the spacing is given.
        function: the score of (H, W) bool masks; its docstring states the value on empty masks.
        title: the name as people write it.
    """

    name: str
    direction: Direction
    unit: Unit
    function: MetricFunction
    title: str = ""

    def __call__(self, truth: Mask, prediction: Mask, spacing: Spacing | None = None) -> float:
        """Returns the score of `prediction` against `truth`, both (H, W) bool; `spacing` is mm per (row, column)."""
        return self.function(truth, prediction, spacing)


def check_masks(truth: Mask, prediction: Mask) -> None:
    """Holds both masks to boolean type and to one shape (H, W) with at least one pixel.

    Raises:
        ValueError: on any other type or shape; a label map must be made binary before it is scored.
    """
    for name, mask in (("truth", truth), ("prediction", prediction)):
        if mask.dtype != np.bool_ or mask.ndim != 2 or mask.size == 0:
            raise ValueError(f"the {name} must be a boolean mask (H, W), not {mask.dtype} {mask.shape}")
    if truth.shape != prediction.shape:
        raise ValueError(f"truth {truth.shape} and prediction {prediction.shape} must have one shape")
