"""Distances between the surfaces of two masks, in pixels, or in millimetres where the spacing is given.

The surface is every mask pixel with a background pixel among its four neighbours, or at the image's border.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
from scipy.ndimage import distance_transform_edt
from scipy.spatial import cKDTree

from autosam.metrics.metric import Mask, Spacing, check_masks

Distances = npt.NDArray[np.float64]


def hd95(truth: Mask, prediction: Mask, spacing: Spacing | None = None) -> float:
    """Returns the 95 % Hausdorff distance of (H, W) bool masks: the greater of the two directed 95th percentiles.

    Each percentile is taken over one surface's distances to the other and interpolated linearly between ranks. Both
    empty: 0. One empty: the image's diagonal. `spacing` is mm per (row, column).
    """
    found = _surface_distances(truth, prediction, spacing)
    return found if isinstance(found, float) else max(float(np.percentile(directed, 95)) for directed in found)


def assd(truth: Mask, prediction: Mask, spacing: Spacing | None = None) -> float:
    """Returns the average symmetric surface distance of (H, W) bool masks: the mean over both surfaces' pixels.

    Both empty: 0. One empty: the image's diagonal. `spacing` is mm per (row, column).
    """
    found = _surface_distances(truth, prediction, spacing)
    return found if isinstance(found, float) else float(np.concatenate(found).mean())


def surface(mask: Mask) -> Mask:
    """Returns the mask's pixels that have a 4-neighbour outside it or lie at the border; (H, W) bool to (H, W) bool."""
    padded = np.pad(mask, 1)
    inside = padded[:-2, 1:-1] & padded[2:, 1:-1] & padded[1:-1, :-2] & padded[1:-1, 2:]
    return mask & ~inside


def _surface_distances(truth: Mask, prediction: Mask, spacing: Spacing | None) -> tuple[Distances, Distances] | float:
    """Returns both directed sets of distances, or the stated value where a mask is empty."""
    check_masks(truth, prediction)
    step = spacing or (1.0, 1.0)
    if not (min(step) > 0 and math.isfinite(sum(step))):
        raise ValueError(f"the spacing must be two positive numbers, not {spacing}")
    some = bool(truth.any()), bool(prediction.any())
    if not all(some):
        return math.hypot(truth.shape[0] * step[0], truth.shape[1] * step[1]) if any(some) else 0.0
    box = _bounding_box(truth | prediction)
    a, b = surface(truth[box]), surface(prediction[box])
    return _directed(a, b, step), _directed(b, a, step)


def _bounding_box(mask: Mask) -> tuple[slice, slice]:
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    return slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)


def _directed(start: Mask, goal: Mask, step: Spacing) -> Distances:
    """Returns the distance of each pixel of `start` to the nearest of `goal`."""
    # Both ways are exact; a search tree is several times faster until the surfaces fill the picture.
    if np.count_nonzero(start) + np.count_nonzero(goal) < start.size // 8:
        tree = cKDTree(np.argwhere(goal) * step)
        return np.asarray(tree.query(np.argwhere(start) * step)[0], np.float64)
    return np.asarray(distance_transform_edt(~goal, sampling=step)[start], np.float64)
