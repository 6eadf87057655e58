"""Overlap of a map of probabilities with a true mask over 256 thresholds, as the polyp benchmarks score it.

A map is (H, W), floating in 0..1 or uint8; a truth is (H, W) bool. Nothing is stretched here: where a protocol asks for
it (PraNet, SUN-SEG), pass `stretched(probability)`. Every curve is (256,), from threshold 0 up to 1, a pixel passing
where its value is at least the threshold (`autosam.metrics.maps.passing`).

A threshold without a true positive scores 0 in every curve, as in the code of PraNet (Fan et al., MICCAI 2020), in that
of SUN-SEG (Ji et al., Machine Intelligence Research 2022), and in pysodmetrics: so an empty truth scores 0 whatever is
predicted, an empty map included.

The greatest value of a data set is that of the mean of its images' curves, not the mean of each image's greatest.
"""

from __future__ import annotations

import numpy as np

from autosam.metrics.maps import Values, adaptive_threshold, checked, passing
from autosam.metrics.metric import Map, Mask

# The square of beta in saliency's F-measure: precision counts for more (Achanta et al., CVPR 2009).
_BETA2 = 0.3


def dice_curve(truth: Mask, probability: Map) -> Values:
    """Returns Dice at each threshold."""
    inside, outside, foreground, _ = passing(truth, probability)
    return np.asarray(2 * inside / np.maximum(1, inside + outside + foreground))


def iou_curve(truth: Mask, probability: Map) -> Values:
    """Returns IoU at each threshold."""
    inside, outside, foreground, _ = passing(truth, probability)
    return np.asarray(inside / np.maximum(1, outside + foreground))


def sensitivity_curve(truth: Mask, probability: Map) -> Values:
    """Returns the share of the foreground that passes each threshold."""
    inside, _, foreground, _ = passing(truth, probability)
    return np.asarray(inside / np.maximum(1, foreground))


def f_curve(truth: Mask, probability: Map) -> Values:
    """Returns the F-measure at each threshold, the square of beta being 0.3."""
    inside, outside, foreground, _ = passing(truth, probability)
    return np.asarray((1 + _BETA2) * inside / np.maximum(_BETA2, inside + outside + _BETA2 * foreground))


def mean_dice(truth: Mask, probability: Map) -> float:
    """Returns the mean Dice over the thresholds. Truth or map empty: 0, both empty included."""
    return float(dice_curve(truth, probability).mean())


def mean_iou(truth: Mask, probability: Map) -> float:
    """Returns the mean IoU over the thresholds. Truth empty: 0, both empty included."""
    return float(iou_curve(truth, probability).mean())


def max_dice(truth: Mask, probability: Map) -> float:
    """Returns the greatest Dice of one image over the thresholds. Truth empty: 0, both empty included."""
    return float(dice_curve(truth, probability).max())


def mean_f(truth: Mask, probability: Map) -> float:
    """Returns the mean F-measure over the thresholds. Truth empty: 0, both empty included."""
    return float(f_curve(truth, probability).mean())


def max_f(truth: Mask, probability: Map) -> float:
    """Returns the greatest F-measure of one image over the thresholds. Truth empty: 0, both empty included."""
    return float(f_curve(truth, probability).max())


def adaptive_f(truth: Mask, probability: Map) -> float:
    """Returns the F-measure at twice the map's mean. Truth empty: 0, both empty included."""
    values = checked(truth, probability)
    mask = values >= adaptive_threshold(values)
    both, area = int(np.count_nonzero(mask & truth)), int(np.count_nonzero(mask))
    return (1 + _BETA2) * both / (area + _BETA2 * int(np.count_nonzero(truth))) if both else 0.0


def sensitivity(truth: Mask, probability: Map) -> float:
    """Returns the mean sensitivity over the thresholds. Truth empty: 0, both empty included."""
    return float(sensitivity_curve(truth, probability).mean())


def mae(truth: Mask, probability: Map) -> float:
    """Returns the mean absolute error between the map and the truth, in 0..1. Both empty: 0."""
    return float(np.abs(checked(truth, probability) - truth).mean())
