"""Masks drawn over an image: crisp outlines in colours that stand out on stained tissue, endoscopy and gray scans."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
from scipy import ndimage

Colour = tuple[int, int, int]
Bytes = npt.NDArray[np.uint8]
Field = npt.NDArray[np.float32]

PREDICTION: Colour = (0, 229, 255)
TRUTH: Colour = (255, 214, 0)

_FILL = 0.1
_FILL_DIFFERENCE = 0.34
_HALO: Colour = (8, 12, 24)
_HALO_OPACITY = 0.5
_SMOOTHING = 0.7


def overlay(
    rgb: npt.NDArray[np.uint8],
    mask: npt.NDArray[np.bool_],
    *,
    truth: npt.NDArray[np.bool_] | None = None,
    colour: Colour = PREDICTION,
    width: float | None = None,
) -> npt.NDArray[np.uint8]:
    """Returns the image (H, W, 3) uint8 with a mask's outline and a light fill.

    Args:
        rgb: (H, W, 3) uint8.
        mask: (H, W) bool.
        truth: (H, W) bool; with it, its outline is drawn in `TRUTH`, the mask's over it, and only areas where they
            differ are filled, each in the colour of the one that has it.
        colour: RGB 0..255 of the mask.
        width: of the outline in pixels; None for one that suits the size of the image and of what is outlined.

    Raises:
        ValueError: where the sizes differ.
    """
    for plane in (mask, truth):
        if plane is not None and plane.shape != rgb.shape[:2]:
            raise ValueError(f"the mask is {plane.shape}, the image {rgb.shape[:2]}")
    out = rgb.copy()
    if truth is None:
        _fill(out, mask, colour, _FILL)
        _outline(out, mask, colour, width)
    else:
        _fill(out, mask & ~truth, colour, _FILL_DIFFERENCE)
        _fill(out, truth & ~mask, TRUTH, _FILL_DIFFERENCE)
        _outline(out, truth, TRUTH, width)
        _outline(out, mask, colour, width)
    return out


def _fill(out: Bytes, area: npt.NDArray[np.bool_], colour: Colour, opacity: float) -> None:
    before = np.arange(256)
    for channel, tint in enumerate(colour):
        after = np.rint(before + opacity * (tint - before)).astype(np.uint8)
        np.copyto(out[:, :, channel], after[out[:, :, channel]], where=area)


def _outline(out: Bytes, mask: npt.NDArray[np.bool_], colour: Colour, width: float | None) -> None:
    if not mask.any() or mask.all():
        return
    suited = min(8.0, max(1.3, 0.075 * math.sqrt(max(mask.shape))))
    reach = math.ceil(max(width or 0.0, suited)) + 3
    rows, columns = (np.flatnonzero(mask.any(axis=axis)) for axis in (1, 0))
    area = (
        slice(max(0, int(rows[0]) - reach), int(rows[-1]) + 1 + reach),
        slice(max(0, int(columns[0]) - reach), int(columns[-1]) + 1 + reach),
    )
    signed = _signed_distance(mask[area], reach)
    if width is None:
        # On vessels and the like an outline must not be wider than what it goes round.
        width = min(suited, max(1.0, float(signed[mask[area]].mean())))
    away = np.abs(ndimage.gaussian_filter(signed, _SMOOTHING))
    halo = max(0.7, 0.5 * width)
    for tint, half, opacity in ((_HALO, width / 2 + halo, _HALO_OPACITY), (colour, width / 2, 1.0)):
        at = np.nonzero(away < half + 0.5)
        cover = np.clip(half + np.float32(0.5) - away[at], 0, 1)[:, None] * np.float32(opacity)
        below = out[area][at].astype(np.float32)
        out[area][at] = np.rint(below + cover * (np.array(tint, np.float32) - below)).astype(np.uint8)


def _signed_distance(mask: npt.NDArray[np.bool_], reach: int) -> Field:
    """Returns the distance to the mask's border in pixels, positive inside, right up to `reach` and no more than that.

    The picture's own edge is no border. The squares of the distances come from a minimum down columns, then along rows:
    near the border, which is all that a line needs, this is much faster than a full distance transform.
    """
    inner = mask.copy()
    inner[1:] &= mask[:-1]
    inner[:-1] &= mask[1:]
    inner[:, 1:] &= mask[:, :-1]
    inner[:, :-1] &= mask[:, 1:]
    squares = np.where(mask & ~inner, 0, (reach + 1) ** 2).astype(np.uint16)
    squares = _spread(_spread(squares, reach).T, reach).T
    distance = np.sqrt(squares.astype(np.float32))
    return np.where(mask, distance + np.float32(0.5), np.float32(0.5) - distance)


def _spread(squares: npt.NDArray[np.uint16], reach: int) -> npt.NDArray[np.uint16]:
    """Returns, down each column, the least of a square of a distance and that of the step to it."""
    out = squares.copy()
    for step in range(1, min(reach, len(squares) - 1) + 1):
        further = squares + np.uint16(step * step)
        np.minimum(out[step:], further[:-step], out=out[step:])
        np.minimum(out[:-step], further[step:], out=out[:-step])
    return out
