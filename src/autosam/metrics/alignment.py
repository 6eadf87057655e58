"""E-measure: how well a map is aligned with a true mask, around both their means.

Source: Fan et al., Enhanced-alignment measure for binary foreground map evaluation, IJCAI 2018. As in the authors' code
the sum over pixels is divided by their number less one, so that a perfect answer scores N / (N - 1). Shapes and
thresholds are those of `autosam.metrics.saliency`; nothing is stretched here.
"""

from __future__ import annotations

import numpy as np

from autosam.metrics.maps import Counts, Values, adaptive_threshold, checked, passing
from autosam.metrics.metric import Map, Mask

# Keeps 0 / 0 from being asked, as in the authors' code.
_EPSILON = float(np.spacing(1))


def e_curve(truth: Mask, probability: Map) -> Values:
    """Returns the E-measure at each threshold, (256,).

    Truth empty: the share of pixels that stay below the threshold. Truth full: the share that passes it.
    """
    inside, outside, foreground, size = passing(truth, probability)
    return _alignment(inside, outside, foreground, size)


def mean_e(truth: Mask, probability: Map) -> float:
    """Returns the mean E-measure over the thresholds. Both empty: 255/256, as nothing is below the threshold 0."""
    return float(e_curve(truth, probability).mean())


def max_e(truth: Mask, probability: Map) -> float:
    """Returns the greatest E-measure of one image over the thresholds. Both empty: 1."""
    return float(e_curve(truth, probability).max())


def adaptive_e(truth: Mask, probability: Map) -> float:
    """Returns the E-measure at twice the map's mean. Both empty: 0, as everything passes the threshold 0."""
    values = checked(truth, probability)
    mask = values >= adaptive_threshold(values)
    inside, outside = np.count_nonzero(mask & truth), np.count_nonzero(mask & ~truth)
    counts = np.array([[inside], [outside]], np.int64)
    return float(_alignment(counts[0], counts[1], int(np.count_nonzero(truth)), truth.size)[0])


def _alignment(inside: Counts, outside: Counts, foreground: int, size: int) -> Values:
    passed = inside + outside
    if foreground == 0:
        total = (size - passed).astype(np.float64)
    elif foreground == size:
        total = passed.astype(np.float64)
    else:
        total = np.zeros(len(passed))
        mean, true_mean = passed / size, foreground / size
        parts = (
            (inside, 1 - mean, 1 - true_mean),
            (outside, 1 - mean, -true_mean),
            (foreground - inside, -mean, 1 - true_mean),
            (size - foreground - outside, -mean, -true_mean),
        )
        for count, predicted, true in parts:
            aligned = 2 * predicted * true / (predicted**2 + true**2 + _EPSILON)
            total += count * (aligned + 1) ** 2 / 4
    return total / max(1, size - 1)
