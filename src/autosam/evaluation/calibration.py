"""Whether a probability means what it says: of the pixels given 70 %, 70 % should be foreground."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

BINS = 20


class Calibration:
    """A histogram of pixel probabilities and of what they were; memory does not grow with the cases.

    Attributes:
        count: (BINS,) pixels whose probability fell in the bin.
        predicted: (BINS,) sum of their probabilities.
        observed: (BINS,) how many of them are foreground.
        soft: whether any probability other than 0 and 1 was seen; without one there is nothing to calibrate.
    """

    def __init__(self) -> None:
        self.count = np.zeros(BINS, np.int64)
        self.predicted = np.zeros(BINS, np.float64)
        self.observed = np.zeros(BINS, np.float64)
        self.soft = False

    def add(self, probability: npt.NDArray[np.float32], truth: npt.NDArray[np.bool_]) -> None:
        """Counts the pixels of one case: (H, W) in 0..1 and (H, W) bool."""
        values, labels = probability.ravel(), truth.ravel()
        place = np.minimum((values * BINS).astype(np.intp), BINS - 1)
        self.count += np.bincount(place, minlength=BINS)
        self.predicted += np.bincount(place, weights=values, minlength=BINS)
        self.observed += np.bincount(place, weights=labels, minlength=BINS)
        self.soft = self.soft or bool(((values > 0) & (values < 1)).any())

    def curve(self) -> list[tuple[float, float, float]]:
        """Returns (mean probability, share that is foreground, share of all pixels) for every bin with pixels."""
        total = self.count.sum()
        return [
            (float(p / n), float(o / n), float(n / total))
            for p, o, n in zip(self.predicted, self.observed, self.count, strict=True)
            if n
        ]

    def error(self) -> float | None:
        """Returns the expected calibration error, 0..1: the curve's mean distance from the diagonal, by pixels.

        None where only hard masks were seen.
        """
        return sum(abs(p - o) * share for p, o, share in self.curve()) if self.soft else None
