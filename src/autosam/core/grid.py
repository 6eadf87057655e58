"""An image larger than a tile, cut into overlapping windows; and how much each says of the pixels that they share."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

OVERLAP = 1 / 8
"""The least share of a tile's side that it has in common with the next one (rounded down to pixels)."""


@dataclass(frozen=True, slots=True)
class Window:
    """A rectangle of an image's pixels.

    Attributes:
        top, left: its first row and column.
        height, width: its size, at least 1 each.
    """

    top: int
    left: int
    height: int
    width: int

    @property
    def area(self) -> tuple[slice, slice]:
        """Rows and columns, to index an array with."""
        return slice(self.top, self.top + self.height), slice(self.left, self.left + self.width)


@dataclass(frozen=True, slots=True)
class Grid:
    """Windows of one size, spread evenly, that cover an image.

    Along an axis that is no longer than a tile there is one window, as long as the axis. Everywhere else windows are
    `tile` long, the first one begins with the image, the last one ends with it, and neighbours share at least an
    eighth.

    Attributes:
        height, width: of the image, in pixels.
        tile: side of a window, in pixels; None for the whole image.
    """

    height: int
    width: int
    tile: int | None = None

    @property
    def windows(self) -> tuple[Window, ...]:
        """The windows, row by row."""
        high, wide = self._side(self.height), self._side(self.width)
        lefts = _starts(self.width, wide)
        return tuple(Window(top, left, high, wide) for top in _starts(self.height, high) for left in lefts)

    def __len__(self) -> int:
        return len(_starts(self.height, self._side(self.height))) * len(_starts(self.width, self._side(self.width)))

    def weights(self, window: Window) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
        """Returns a window's weights along its rows (h,) and its columns (w,), float32 in 0..1.

        The weight of a pixel is the product of the two. They fall smoothly towards the edges that lie inside of the
        image, and over all windows a pixel's weights sum to one; where only one window is, its weight is exactly 1.
        """
        rows = _weights(self.height, window.height)[window.top]
        return rows, _weights(self.width, window.width)[window.left]

    def _side(self, length: int) -> int:
        return length if self.tile is None else min(length, self.tile)


def side_for(length: int, parts: int) -> int:
    """Returns the least side of a tile of which `parts`, with their overlaps, cover `length` pixels."""
    return int(np.ceil(length / (parts - (parts - 1) * OVERLAP)))


def _starts(length: int, side: int) -> list[int]:
    rest = length - side
    parts = 1 + -(-rest // (side - int(side * OVERLAP)))
    return [0] if parts == 1 else [(2 * rest * part + parts - 1) // (2 * (parts - 1)) for part in range(parts)]


@lru_cache(maxsize=8)
def _weights(length: int, side: int) -> dict[int, npt.NDArray[np.float32]]:
    """Returns the weights of each window along an axis, by its first pixel."""
    bell = np.sin(np.pi * (np.arange(side) + 0.5) / side) ** 2
    total = np.zeros(length)
    for start in _starts(length, side):
        total[start : start + side] += bell
    return {start: (bell / total[start : start + side]).astype(np.float32) for start in _starts(length, side)}
