"""Objects of a picture as numbers, and which of two pictures' objects share pixels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.ndimage import label

from autosam.metrics.metric import Labels

Numbers = npt.NDArray[np.intp]


@dataclass(frozen=True, slots=True, eq=False)
class Pairing:
    """The objects of a truth and of a prediction, numbered from 1 in the order of their labels, and their overlaps.

    Attributes:
        truth: (H, W), the number of the true object, 0 for background.
        prediction: (H, W), the same of the prediction.
        truth_areas: (T,) pixels of each true object.
        predicted_areas: (P,) pixels of each predicted object.
        i: (K,) index of the true object of each pair that shares pixels, from 0, ascending.
        j: (K,) index of its predicted object, from 0, ascending within one `i`.
        shared: (K,) pixels that the two share, at least 1.
    """

    truth: Numbers
    prediction: Numbers
    truth_areas: Numbers
    predicted_areas: Numbers
    i: Numbers
    j: Numbers
    shared: Numbers

    def empty(self) -> float | None:
        """Returns 1 where neither side has an object, 0 where one side alone has none, None where both have some."""
        some = bool(self.truth_areas.size), bool(self.predicted_areas.size)
        return None if all(some) else float(not any(some))

    def swapped(self) -> Pairing:
        """Returns the pairing with the two sides exchanged."""
        order = np.lexsort((self.i, self.j))
        return Pairing(
            self.prediction,
            self.truth,
            self.predicted_areas,
            self.truth_areas,
            self.j[order],
            self.i[order],
            self.shared[order],
        )

    def partners(self) -> tuple[Numbers, Numbers]:
        """Returns per true object the predicted one that shares most pixels with it, and how many; (T,) both.

        Of equals the one of the lowest number; -1 and 0 where nothing is shared.
        """
        partner, shared = np.full(self.truth_areas.size, -1), np.zeros(self.truth_areas.size, np.intp)
        order = np.lexsort((self.j, -self.shared, self.i))
        owners, first = np.unique(self.i[order], return_index=True)
        partner[owners], shared[owners] = self.j[order][first], self.shared[order][first]
        return partner, shared


def pairing(truth: Labels, prediction: Labels) -> Pairing:
    """Returns the objects of both sides and their overlaps.

    Args:
        truth: (H, W) integers that number objects, 0 for background, or bool, whose objects are its 8-connected parts.
        prediction: the same, of the same shape.

    Raises:
        ValueError: on any other type or shape, or a negative number.
    """
    if truth.shape != prediction.shape:
        raise ValueError(f"truth {truth.shape} and prediction {prediction.shape} must have one shape")
    a, b = _numbered("truth", truth), _numbered("prediction", prediction)
    truth_areas, predicted_areas = np.bincount(a.ravel())[1:], np.bincount(b.ravel())[1:]
    inside = (a > 0) & (b > 0)
    count = predicted_areas.size + 1
    codes, shared = np.unique(a[inside] * count + b[inside], return_counts=True)
    return Pairing(a, b, truth_areas, predicted_areas, codes // count - 1, codes % count - 1, shared)


def _numbered(name: str, labels: Labels) -> Numbers:
    if labels.ndim != 2 or labels.size == 0 or labels.dtype.kind not in "biu":
        raise ValueError(f"the {name} must be (H, W) object numbers or boolean, not {labels.dtype} {labels.shape}")
    if labels.dtype == np.bool_:
        return np.asarray(label(labels, np.ones((3, 3)))[0], np.intp)
    if labels.min() < 0:
        raise ValueError(f"the {name} has the object number {labels.min()}; they must be positive, 0 is background")
    known, numbers = np.unique(labels, return_inverse=True)
    return np.asarray(numbers.reshape(labels.shape) + (known[0] != 0), np.intp)
