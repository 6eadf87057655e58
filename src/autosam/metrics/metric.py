"""What a metric is: a name, a direction, a unit, and a pure function of a truth and a prediction."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np
import numpy.typing as npt

Mask = npt.NDArray[np.bool_]
Labels = npt.NDArray[np.bool_] | npt.NDArray[np.integer]
Map = npt.NDArray[np.floating] | npt.NDArray[np.uint8]
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


@dataclass(frozen=True, slots=True)
class ObjectMetric:
    """A score of predicted objects against true ones.

    Attributes:
        name: the key in tables and files.
        direction: which values are better.
        unit: "fraction" for 0..1; "length" for pixels.
        function: the score of truth and prediction, (H, W) object numbers or bool masks, whose objects are their
            8-connected parts; its docstring states the value on empty sides.
        title: the name as people write it.
    """

    name: str
    direction: Direction
    unit: Unit
    function: Callable[[Labels, Labels], float]
    title: str

    def __call__(self, truth: Labels, prediction: Labels) -> float:
        """Returns the score of `prediction` against `truth`."""
        return self.function(truth, prediction)


@dataclass(frozen=True, slots=True)
class MapMetric:
    """A score of a map of probabilities against a true mask; a fraction in 0..1.

    Attributes:
        name: the key in tables and files.
        direction: which values are better.
        function: the score of a truth, (H, W) bool, and a map, (H, W) floating in 0..1 or uint8; its docstring states
            the value on empty ones.
        title: the name as people write it.
    """

    name: str
    direction: Direction
    function: Callable[[Mask, Map], float]
    title: str

    def __call__(self, truth: Mask, probability: Map) -> float:
        """Returns the score of `probability` against `truth`."""
        return self.function(truth, probability)


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
