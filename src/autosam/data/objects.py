"""How large the objects of a data set's masks are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from autosam.data.dataset import Dataset
from autosam.data.foreground import value_counts

LOOKED_AT = 100
"""Masks that are enough to know a data set's objects."""

_DUST = 0.01
_PIECES = 2
_TOUCHING = np.ones((3, 3))


@dataclass(frozen=True, slots=True)
class Objects:
    """What is known of a data set's objects.

    Attributes:
        number: how many were looked at, without dust.
        images: in how many images.
        across: the median object's diameter (of the disc of its area), in its image's pixels; 0 without any object.
        resized: the same in the square that the whole image is resized to.
        longest: the median image's longest side, in pixels.
    """

    number: int
    images: int
    across: float
    resized: float
    longest: int


def objects_in(data: Dataset, size: int) -> Objects:
    """Returns what is known of the objects of a data set, by the masks of up to `LOOKED_AT` cases, evenly spread.

    The smallest objects, down to a hundredth of all foreground, are dust: annotations are full of stray pixels, and
    they must not pass for the objects that somebody is after.

    Args:
        data: the cases.
        size: side of the square that SAM sees, in pixels.

    Raises:
        DataError: on a mask that cannot be read or used.
    """
    chosen = np.unique(np.linspace(0, len(data) - 1, min(LOOKED_AT, len(data))).astype(int))
    areas, scales, longest = [np.zeros(0)], [np.zeros(0)], [0]
    for index in chosen:
        labels = data.labels(int(index))
        if labels.size:
            areas.append(object_areas(labels))
            scales.append(np.full(len(areas[-1]), size / max(labels.shape)))
            longest.append(max(labels.shape))
    area, scale = np.concatenate(areas), np.concatenate(scales)
    order = np.argsort(area, kind="stable")
    area, scale = area[order], scale[order]
    kept = np.cumsum(area) > _DUST * area.sum()
    across = 2 * np.sqrt(area[kept] / np.pi)
    middle = int(np.median(longest[1:] or longest))
    if not len(across):
        return Objects(0, len(chosen), 0.0, 0.0, middle)
    return Objects(len(across), len(chosen), float(np.median(across)), float(np.median(across * scale[kept])), middle)


def object_areas(labels: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    """Returns the area in pixels of every object of a label map (H, W), 0 being background.

    Where labels number instances, an object is all pixels of a label, however it touches others. Else, as in a binary
    mask, one of classes, or one of gray edges, objects are the 8-connected components of all that is not background.
    """
    from scipy.ndimage import label

    if numbers_objects(labels):
        areas = value_counts(labels)
        areas.pop(0, None)
        return np.array(list(areas.values()), np.float64)
    parts, _ = label(labels != 0, structure=_TOUCHING)
    return np.bincount(parts.ravel())[1:].astype(np.float64)


def numbers_objects(labels: npt.NDArray[Any]) -> bool:
    """Says whether the labels of a map (H, W), 0 being background, number instances; one label alone does not.

    An instance is one piece, or lost a few pixels; classes and gray levels have pieces all over the image.
    """
    from scipy.ndimage import find_objects, label

    values = [value for value in value_counts(labels) if value != 0]
    if len(values) < 2:
        return False
    # find_objects goes through all labels up to the greatest, so they are numbered anew.
    numbers = np.where(labels == 0, 0, np.searchsorted(values, labels) + 1)
    boxes = find_objects(numbers)
    pieces = sum(label(numbers[box] == at, structure=_TOUCHING)[1] for at, box in enumerate(boxes, 1) if box)
    return bool(pieces <= _PIECES * len(values))
