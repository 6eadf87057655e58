"""Weighted F-measure: errors count for less beside the true mask's edge and for more far away from it.

Source: Margolin et al., How to evaluate foreground maps?, CVPR 2014, with the constants of the authors' code: a
Gaussian of 7 x 7 pixels and deviation 5, a halving every 5 pixels, and beta 1.
"""

from __future__ import annotations

import numpy as np
from scipy.ndimage import correlate1d, distance_transform_edt

from autosam.metrics.maps import checked
from autosam.metrics.metric import Map, Mask

_EPSILON = float(np.spacing(1))
_BELL = np.exp(-(np.arange(-3, 4) ** 2) / (2 * 5**2))
_BELL /= _BELL.sum()


def weighted_f(truth: Mask, probability: Map) -> float:
    """Returns the weighted F-measure of a map (H, W), floating in 0..1 or uint8, against a bool truth (H, W).

    Truth empty: 0, both empty included. Map empty: 0 where the truth keeps 3 pixels from the image's border, and more
    where it touches it, as beyond the border there is no error to smooth with. Nothing is stretched here.
    """
    values = checked(truth, probability)
    if not truth.any():
        return 0.0
    distance, (rows, columns) = distance_transform_edt(~truth, return_indices=True)
    error = np.abs(values - truth)
    # A background pixel lends its neighbours in the foreground the error of the foreground's nearest pixel.
    lent = error[rows, columns]
    smooth = correlate1d(correlate1d(lent, _BELL, axis=0, mode="constant"), _BELL, axis=1, mode="constant")
    missed = float(np.minimum(error, smooth)[truth].sum())
    false = float((error * (2 - np.exp(np.log(0.5) / 5 * distance)))[~truth].sum())
    area = int(np.count_nonzero(truth))
    recall = 1 - missed / area
    precision = (area - missed) / (area - missed + false + _EPSILON)
    return 2 * recall * precision / (recall + precision + _EPSILON)
