"""A view: one protocol by which a prediction is scored, and the name that stands beside its scores."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

Score = float | npt.NDArray[np.floating]
Scores = Mapping[str, Score]
Values = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Scene:
    """One truth and what was predicted for it, all (H, W) at the image's own size.

    Attributes:
        labels: the truth as the benchmark gives it: object numbers, or gray values.
        truth: bool, its foreground.
        probability: float32 in 0..1.
        mask: bool, the probability cut at the model's threshold.
        objects: integer numbers of the predicted objects; None where they are the mask's components.
        values: float32, what the probability was made of (logits), or the probability itself; of any range.
        gray: floating in 0..1, the probability as finely as it is known: a stored one is not rounded to float32.
    """

    labels: npt.NDArray[np.integer]
    truth: npt.NDArray[np.bool_]
    probability: npt.NDArray[np.float32]
    mask: npt.NDArray[np.bool_]
    objects: npt.NDArray[np.integer] | None
    values: npt.NDArray[np.float32]
    gray: npt.NDArray[np.floating]

    @property
    def predicted(self) -> npt.NDArray[np.integer] | npt.NDArray[np.bool_]:
        """The predicted objects' numbers, or the mask whose components they are."""
        return self.mask if self.objects is None else self.objects


@dataclass(frozen=True, slots=True)
class Measure:
    """One column of a view's table.

    Attributes:
        name: the key in files.
        title: as people write it.
        direction: which values are better.
        unit: "fraction" for 0..1, or the unit's name.
        pool: from the mean of the cases' vectors (T,) to the number, such as a mean curve's greatest value or a ratio
            of sums; None where a case's score is a number, and the mean of those is meant.
    """

    name: str
    title: str
    direction: Literal["higher", "lower", "neither"] = "higher"
    unit: str = "fraction"
    pool: Callable[[Values], float] | None = None

    def of_case(self, score: Score) -> float:
        """Returns the number of one case."""
        return float(score) if self.pool is None else self.pool(np.asarray(score, np.float64))


@dataclass(frozen=True, slots=True)
class View:
    """A protocol.

    Attributes:
        name: stands beside every number made with it.
        about: what it does, a sentence without its full stop.
        measures: its columns.
        score: from a scene to a value per measure, a vector (T,) for those that are pooled; None for the view
            "standard", whose scores come from `autosam.evaluation`.
        clips: whether frames are averaged within their clip first, and the first and the last frame of a clip left out.
        apart: whether the benchmark scores its test parts apart only, so that no union has a number.
    """

    name: str
    about: str
    measures: tuple[Measure, ...]
    score: Callable[[Scene], Scores] | None
    clips: bool = False
    apart: bool = False
