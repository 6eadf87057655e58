"""The Hausdorff distance between single objects of two pictures, over all their pixels."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
from scipy.ndimage import find_objects
from scipy.spatial import cKDTree

from autosam.metrics.surface import surface

Box = tuple[slice, slice]


class Body:
    """One object's pixels, and a search tree of those at its surface."""

    __slots__ = ("box", "pixels", "tree")

    def __init__(self, box: Box, mask: npt.NDArray[np.bool_]) -> None:
        corner = (box[0].start, box[1].start)
        self.pixels = np.argwhere(mask) + corner
        self.box = np.array([*corner, box[0].stop, box[1].stop])
        self.tree = cKDTree(np.argwhere(surface(mask)) + corner)

    def distance(self, other: Body) -> float:
        """Returns the Hausdorff distance over all pixels of both."""
        return max(self._directed(other), other._directed(self))

    def least(self, other: Body) -> int:
        """Returns what the distance cannot be below: how far the two bounding boxes' sides are apart."""
        return int(np.abs(self.box - other.box).max())

    def _directed(self, other: Body) -> float:
        # Not from the surface alone: the farthest pixel may lie within, over a hole of the other object.
        outside = self.pixels[~other._holds(self.pixels)]
        return float(other.tree.query(outside)[0].max()) if len(outside) else 0.0

    def _holds(self, pixels: npt.NDArray[np.intp]) -> npt.NDArray[np.bool_]:
        top, left, bottom, right = self.box
        canvas = np.zeros((bottom - top, right - left), bool)
        canvas[self.pixels[:, 0] - top, self.pixels[:, 1] - left] = True
        inside = ((pixels >= (top, left)) & (pixels < (bottom, right))).all(axis=1)
        held = np.zeros(len(pixels), bool)
        held[inside] = canvas[pixels[inside, 0] - top, pixels[inside, 1] - left]
        return held


def bodies(numbers: npt.NDArray[np.intp]) -> list[Body]:
    """Returns the objects of a picture (H, W) that are numbered from 1 without a gap, in that order."""
    return [Body(box, numbers[box] == index) for index, box in enumerate(find_objects(numbers), 1)]


def nearest(body: Body, others: list[Body]) -> float:
    """Returns the least Hausdorff distance from `body` to one of the others."""
    best = math.inf
    for other in sorted(others, key=body.least):
        if body.least(other) >= best:
            break
        best = min(best, body.distance(other))
    return best
