"""Prompts that a user with the truth before his eyes would give: points and boxes, of each object or of all at once."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import ndimage

Truth = npt.NDArray[np.bool_]
Points = npt.NDArray[np.float64]

_EIGHT = np.ones((3, 3))


@dataclass(frozen=True, slots=True, eq=False)
class Region:
    """A part of a truth, in the rectangle that holds it.

    Attributes:
        top: the rectangle's first row.
        left: its first column.
        mask: (h, w) bool, with a pixel in every outermost row and column.
    """

    top: int
    left: int
    mask: Truth


def regions(truth: Truth, *, whole: bool = False) -> list[Region]:
    """Returns the 8-connected components of a truth (H, W), or all of it as one; none where it is empty."""
    labels, count = (truth.astype(np.int32), int(truth.any())) if whole else ndimage.label(truth, _EIGHT)
    found = ndimage.find_objects(labels, count)
    return [
        Region(place[0].start, place[1].start, labels[place] == number) for number, place in enumerate(found, start=1)
    ]


def centres(of: Sequence[Region]) -> Points:
    """Returns (N, 1, 2): of each region the pixel (x, y) that is furthest from its border, which lies in any shape."""
    found = []
    for region in of:
        depth = ndimage.distance_transform_edt(np.pad(region.mask, 1))[1:-1, 1:-1]
        row, column = np.unravel_index(int(depth.argmax()), depth.shape)
        found.append([(region.left + column + 0.5, region.top + row + 0.5)])
    return np.array(found, np.float64)


def random_points(of: Sequence[Region], count: int, case: str, seed: int = 0) -> Points:
    """Returns (N, count, 2): pixels (x, y) of each region, every one as likely, none twice where it has enough.

    Args:
        of: the regions.
        count: points a region.
        case: the case's name; with `seed` and the region's number it decides the draw, and nothing else does.
        seed: a number.
    """
    name = int.from_bytes(hashlib.sha256(case.encode()).digest()[:8])
    found = []
    for number, region in enumerate(of):
        rows, columns = np.nonzero(region.mask)
        drawn = np.random.default_rng([seed, name, number]).choice(len(rows), count, replace=len(rows) < count)
        found.append(np.stack([region.left + columns[drawn] + 0.5, region.top + rows[drawn] + 0.5], -1))
    return np.array(found, np.float64)


def boxes(of: Sequence[Region]) -> Points:
    """Returns (N, 2, 2): the upper left and the lower right corner (x, y) of each region's outer edges."""
    found = []
    for region in of:
        height, width = region.mask.shape
        found.append([(region.left, region.top), (region.left + width, region.top + height)])
    return np.array(found, np.float64)


def grid(size: tuple[int, int], side: int) -> Points:
    """Returns (side * side, 1, 2): the centres (x, y) of the fields of a regular grid over (height, width)."""
    at = (np.arange(side) + 0.5) / side
    x, y = np.meshgrid(at * size[1], at * size[0])
    return np.stack([x.ravel(), y.ravel()], -1)[:, None]
