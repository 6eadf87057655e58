"""Polygons as a map of numbered objects."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True, slots=True, eq=False)
class Rastered:
    """What became of a list of polygons; polygons are counted from 1.

    Attributes:
        labels: (H, W) int32; 0 is background, k the k-th polygon.
        empty: polygons of fewer than three corners, or that hold no pixel's centre.
        outside: polygons that lie beside the image altogether.
        hidden: polygons whose pixels all belong to earlier ones.
    """

    labels: npt.NDArray[np.int32]
    empty: tuple[int, ...]
    outside: tuple[int, ...]
    hidden: tuple[int, ...]


def rasterise(polygons: Sequence[npt.NDArray[np.float64]], height: int, width: int) -> Rastered:
    """Draws polygons (N, 2) of x, y in pixels, 0, 0 being the image's corner.

    A pixel is inside where its centre (column + 0.5, row + 0.5) is, by the even-odd rule; what passes the image's
    border is cut off. Where polygons overlap, the earlier one keeps the pixel.

    MoNuSeg's own code (`he_to_binary_mask_final.m`) hands the same coordinates to MATLAB's poly2mask, which has the
    centre of that pixel at column + 1, row + 1; Python code that hands them to scikit-image has it at column, row.
    Their masks lie half a pixel to the upper left and to the lower right of these.
    """
    labels = np.zeros((height, width), np.int32)
    empty, outside, hidden = [], [], []
    for number, polygon in enumerate(polygons, start=1):
        if len(polygon) < 3:
            empty.append(number)
            continue
        low, high = polygon.min(axis=0), polygon.max(axis=0)
        if low[0] >= width or low[1] >= height or high[0] <= 0 or high[1] <= 0:
            outside.append(number)
            continue
        rows = slice(max(0, int(np.floor(low[1]))), min(height, int(np.ceil(high[1]))))
        columns = slice(max(0, int(np.floor(low[0]))), min(width, int(np.ceil(high[0]))))
        inside = _inside(polygon, rows, columns)
        free = inside & (labels[rows, columns] == 0)
        if not inside.any():
            empty.append(number)
        elif not free.any():
            hidden.append(number)
        labels[rows, columns][free] = number
    return Rastered(labels, tuple(empty), tuple(outside), tuple(hidden))


def _inside(polygon: npt.NDArray[np.float64], rows: slice, columns: slice) -> npt.NDArray[np.bool_]:
    """Returns which pixels of a window are inside: along each row, every edge that is crossed turns it over."""
    # Every edge downwards, so that one gone in both directions is crossed at the same place to the bit.
    down = (polygon[:, 1] <= np.roll(polygon[:, 1], -1))[:, None]
    x0, y0 = np.where(down, polygon, np.roll(polygon, -1, axis=0)).T
    x1, y1 = np.where(down, np.roll(polygon, -1, axis=0), polygon).T
    first, last = (np.ceil(y - 0.5).clip(rows.start, rows.stop).astype(np.int64) for y in (y0, y1))
    counts = last - first
    edge = np.repeat(np.arange(len(polygon)), counts)
    row = np.arange(len(edge)) - np.repeat(np.cumsum(counts) - counts, counts) + first[edge]
    at = x0[edge] + (row + 0.5 - y0[edge]) * (x1 - x0)[edge] / (y1 - y0)[edge]
    column = np.ceil(at - 0.5).clip(columns.start, columns.stop).astype(np.int64)
    turns = np.zeros((rows.stop - rows.start, columns.stop - columns.start + 1), np.int32)
    np.add.at(turns, (row - rows.start, column - columns.start), 1)
    inside: npt.NDArray[np.bool_] = np.cumsum(turns[:, :-1], axis=1) % 2 == 1
    return inside
