"""Object-level scores of the GlaS challenge.

Both sides are (H, W) object numbers with 0 for background, or bool masks whose objects are their 8-connected parts.
The formulas are those of Sirinukunwattana et al., Gland segmentation in colon histology images: The GlaS challenge
contest, Medical Image Analysis 35, 2017, and of the challenge's page on evaluation. There the sums run over the objects
of all images of a test part: add the `ObjectSums` of its images for that; the functions score one image.
"""

from __future__ import annotations

import math
from dataclasses import astuple, dataclass

import numpy as np
import numpy.typing as npt

from autosam.metrics.bodies import Body, bodies, nearest
from autosam.metrics.labels import Pairing, pairing
from autosam.metrics.metric import Labels


@dataclass(frozen=True, slots=True)
class ObjectSums:
    """What the scores of objects are made of; sums of several images are added with `+`.

    Attributes:
        hits: predicted objects that cover more than half of their true object.
        true_objects: their number.
        predicted_objects: their number.
        true_area: pixels of all true objects.
        predicted_area: pixels of all predicted objects.
        true_dice: Dice of each true object times its pixels, summed.
        predicted_dice: the same of the predicted objects.
        true_distance: Hausdorff distance of each true object times its pixels, summed.
        predicted_distance: the same of the predicted objects.
    """

    hits: int
    true_objects: int
    predicted_objects: int
    true_area: int
    predicted_area: int
    true_dice: float
    predicted_dice: float
    true_distance: float
    predicted_distance: float

    def __add__(self, other: ObjectSums) -> ObjectSums:
        return ObjectSums(*(a + b for a, b in zip(astuple(self), astuple(other), strict=True)))

    def f1(self) -> float:
        """Returns the F1 of objects, as `object_f1` says."""
        count = self.true_objects + self.predicted_objects
        return 2 * self.hits / count if count else 1.0

    def dice(self) -> float:
        """Returns the Dice of objects, as `object_dice` says."""
        sides = self._sides(self.true_dice, self.predicted_dice)
        return sum(sides) / 2 if sides else 1.0

    def hausdorff(self) -> float:
        """Returns the Hausdorff distance of objects in pixels, as `object_hausdorff` says."""
        sides = self._sides(self.true_distance, self.predicted_distance)
        return sum(sides) / len(sides) if sides else 0.0

    def _sides(self, true: float, predicted: float) -> list[float]:
        sides = ((true, self.true_area), (predicted, self.predicted_area))
        return [total / area for total, area in sides if area]


def object_sums(truth: Labels, prediction: Labels) -> ObjectSums:
    """Returns the sums of one image.

    Where one side has no object, those of the other have Dice 0 and the image's diagonal as their distance.
    """
    pairs = pairing(truth, prediction)
    back = pairs.swapped()
    own, other = bodies(pairs.truth), bodies(pairs.prediction)

    def distance(pairs: Pairing, own: list[Body], other: list[Body]) -> float:
        if not other:
            return math.hypot(*truth.shape) * int(pairs.truth_areas.sum())
        each = [
            body.distance(other[index]) if index >= 0 else nearest(body, other)
            for body, index in zip(own, pairs.partners()[0], strict=True)
        ]
        return float(pairs.truth_areas @ np.array(each, np.float64))

    return ObjectSums(
        hits=_hits(pairs),
        true_objects=pairs.truth_areas.size,
        predicted_objects=pairs.predicted_areas.size,
        true_area=int(pairs.truth_areas.sum()),
        predicted_area=int(pairs.predicted_areas.sum()),
        true_dice=float(pairs.truth_areas @ _dice(pairs)),
        predicted_dice=float(back.truth_areas @ _dice(back)),
        true_distance=distance(pairs, own, other),
        predicted_distance=distance(back, other, own),
    )


def object_f1(truth: Labels, prediction: Labels) -> float:
    """Returns the F1 of objects, in 0..1. Both empty: 1; one empty: 0, as in the challenge's code.

    A predicted object is a hit where it covers more than half of the true object that it shares most pixels with (of
    equals, that of the lowest number); any other is a false one, and every true object without a hit is a missed one.
    """
    pairs = pairing(truth, prediction)
    count = pairs.truth_areas.size + pairs.predicted_areas.size
    return 2 * _hits(pairs) / count if count else 1.0


def object_dice(truth: Labels, prediction: Labels) -> float:
    """Returns the Dice of objects, in 0..1. Both empty: 1; one empty: 0, as in the challenge's code.

    Every object is held against the other side's object that shares most pixels with it (of equals, that of the lowest
    number), and scores 0 where none does. Each side's mean is weighted by the objects' areas; the result is the mean
    of both sides.
    """
    pairs = pairing(truth, prediction)
    if (known := pairs.empty()) is not None:
        return known
    back = pairs.swapped()
    sides = (np.average(_dice(side), weights=side.truth_areas) for side in (pairs, back))
    return float(sum(sides)) / 2


def object_hausdorff(truth: Labels, prediction: Labels) -> float:
    """Returns the Hausdorff distance of objects, in pixels. Both empty: 0; one empty: the image's diagonal.

    Every object is held against the other side's object that shares most pixels with it (of equals, that of the lowest
    number), or, where none does, against the one of least Hausdorff distance. Each side's mean is weighted by the
    objects' areas; the result is the mean of both sides. The challenge's code calls the distance to an empty mask
    infinite; the diagonal in its place keeps means finite, as in `autosam.metrics.hd95`.
    """
    return object_sums(truth, prediction).hausdorff()


def _hits(pairs: Pairing) -> int:
    if pairs.empty() is not None:
        return 0
    partner, shared = pairs.swapped().partners()
    # Twice, in whole numbers: exactly one half is no hit, and neither is an object without a partner, which shares 0.
    return int(np.count_nonzero(2 * shared > pairs.truth_areas[partner]))


def _dice(pairs: Pairing) -> npt.NDArray[np.float64]:
    """Returns the Dice of each true object with its partner; (T,)."""
    if pairs.empty() is not None:
        return np.zeros(pairs.truth_areas.size)
    partner, shared = pairs.partners()
    return np.asarray(2 * shared / (pairs.truth_areas + pairs.predicted_areas[partner]), np.float64)
