"""S-measure: whether a map has the structure of a true mask, as an object and in the four parts around its centre.

Source: Fan et al., Structure-measure: A new way to evaluate foreground maps, ICCV 2017, with alpha one half and the
constants of the authors' code.
"""

from __future__ import annotations

import numpy as np

from autosam.metrics.maps import Values, checked
from autosam.metrics.metric import Map, Mask

_EPSILON = float(np.spacing(1))


def s_measure(truth: Mask, probability: Map) -> float:
    """Returns the S-measure of a map (H, W), floating in 0..1 or uint8, against a bool truth (H, W).

    Truth empty: one less the map's mean, 1 where both are. Truth full: the map's mean. Nothing is stretched here.
    """
    values = checked(truth, probability)
    share = float(truth.mean())
    if share in (0, 1):
        return float(values.mean()) if share else 1 - float(values.mean())
    objects = share * _object(values[truth]) + (1 - share) * _object(1 - values[~truth])
    return max(0.0, (objects + _regions(truth, values)) / 2)


def _object(values: Values) -> float:
    """Returns how high and even the values of one side (N,) are."""
    mean = float(values.mean())
    deviation = float(values.std(ddof=1)) if values.size > 1 else 0.0
    return 2 * mean / (mean**2 + 1 + deviation + _EPSILON)


def _regions(truth: Mask, values: Values) -> float:
    """Returns the likeness of the four parts around the truth's centre, weighted by their areas."""
    rows, columns = truth.sum(axis=1), truth.sum(axis=0)
    row, column = (int(np.round(np.average(np.arange(len(sums)), weights=sums))) + 1 for sums in (rows, columns))
    total = 0.0
    for vertical in (slice(None, row), slice(row, None)):
        for horizontal in (slice(None, column), slice(column, None)):
            part = truth[vertical, horizontal]
            if part.size:
                total += part.size / truth.size * _likeness(part, values[vertical, horizontal])
    return total


def _likeness(truth: Mask, values: Values) -> float:
    mean, true_mean, count = float(values.mean()), float(truth.mean()), truth.size - 1 + _EPSILON
    apart, true_apart = values - mean, truth - true_mean
    spread = (float(np.vdot(apart, apart)) + float(np.vdot(true_apart, true_apart))) / count
    joint = 4 * mean * true_mean * float(np.vdot(apart, true_apart)) / count
    whole = (mean**2 + true_mean**2) * spread
    if joint != 0:
        return joint / (whole + _EPSILON)
    return float(whole == 0)
