"""Overlap of two masks, counted in pixels; all values are fractions in 0..1.

One convention on empty masks: both empty is a perfect answer, 1; only one empty is a wrong one, 0.
"""

from __future__ import annotations

import numpy as np

from autosam.metrics.metric import Mask, Spacing, check_masks


def dice(truth: Mask, prediction: Mask, spacing: Spacing | None = None) -> float:
    """Returns 2 |T and P| / (|T| + |P|) of (H, W) bool masks. Both empty: 1; one empty: 0. `spacing` has no effect."""
    both, true, predicted = _areas(truth, prediction)
    return _ratio(2 * both, true + predicted)


def iou(truth: Mask, prediction: Mask, spacing: Spacing | None = None) -> float:
    """Returns |T and P| / |T or P| of (H, W) bool masks. Both empty: 1; one empty: 0. `spacing` has no effect."""
    both, true, predicted = _areas(truth, prediction)
    return _ratio(both, true + predicted - both)


def precision(truth: Mask, prediction: Mask, spacing: Spacing | None = None) -> float:
    """Returns |T and P| / |P| of (H, W) bool masks. `spacing` has no effect.

    Both empty: 1. Prediction alone empty: 0, where the bare quotient is undefined, so that predicting nothing never
    pays. Truth alone empty: 0.
    """
    both, true, predicted = _areas(truth, prediction)
    return both / predicted if predicted else float(true == 0)


def recall(truth: Mask, prediction: Mask, spacing: Spacing | None = None) -> float:
    """Returns |T and P| / |T| of (H, W) bool masks. `spacing` has no effect.

    Both empty: 1. Truth alone empty: 0, where the bare quotient is undefined, so that false foreground in an image
    without any is never scored as a success. Prediction alone empty: 0.
    """
    return precision(prediction, truth)


def _areas(truth: Mask, prediction: Mask) -> tuple[int, int, int]:
    check_masks(truth, prediction)
    return int(np.count_nonzero(truth & prediction)), int(np.count_nonzero(truth)), int(np.count_nonzero(prediction))


def _ratio(part: int, whole: int) -> float:
    return part / whole if whole else 1.0
