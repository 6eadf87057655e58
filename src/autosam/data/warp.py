"""Flips, rotation and zoom of a frame in one affine map."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
import torch
from torch.nn.functional import grid_sample

from autosam.core.letterbox import Frame

Bytes = npt.NDArray[np.uint8]


def warp(frame: Frame, *, hflip: bool, vflip: bool, angle: float, scale: float) -> Frame:
    """Returns the frame with its valid area flipped, then turned by `angle` degrees counter-clockwise and zoomed.

    The map goes about the centre of the valid area, which moves only as far as is needed to keep the turned area within
    the square. The image is interpolated bilinearly among valid pixels only; mask and valid area are interpolated
    bilinearly and cut at one half. Multiples of 90 degrees without zoom move pixels exactly; a frame without valid
    pixels stays.
    """
    turns = angle / 90
    exact = scale == 1 and turns == int(turns)
    if not frame.valid.any() or (exact and int(turns) % 4 == 0 and not (hflip or vflip)):
        return frame
    rows, columns = (np.flatnonzero(frame.valid.any(axis=axis)) for axis in (1, 0))
    top, bottom, left, right = int(rows[0]), int(rows[-1]) + 1, int(columns[0]), int(columns[-1]) + 1
    area = slice(top, bottom), slice(left, right)
    flips = (slice(None, None, -1 if vflip else 1), slice(None, None, -1 if hflip else 1))
    image, valid = frame.image[area][flips], frame.valid[area][flips]
    mask = None if frame.mask is None else frame.mask[area][flips]

    high, wide = valid.shape
    cos, sin = math.cos(math.radians(angle)), math.sin(math.radians(angle))
    half_wide = scale * (abs(cos) * wide + abs(sin) * high) / 2
    half_high = scale * (abs(sin) * wide + abs(cos) * high) / 2
    x = _placed((left + right) / 2, half_wide, frame.size)
    y = _placed((top + bottom) / 2, half_high, frame.size)
    if exact:
        corner = round(y - half_high), round(x - half_wide)
        return _pasted(frame.size, corner, int(turns) % 4, image, valid, mask)
    # From output x, y to input x, y; image rows grow downwards, so the turn's sine changes its sign.
    a, b, d, e = cos / scale, -sin / scale, sin / scale, cos / scale
    inverse = np.array([[a, b, wide / 2 - a * x - b * y], [d, e, high / 2 - d * x - e * y]])
    layers = [*np.moveaxis(image, -1, 0), valid, *([] if mask is None else [mask])]
    moved, inside = _sampled(np.stack(layers), inverse, frame.size)
    seen = inside & (moved[3] >= 0.5)
    moved[:3] += 0.5
    pixels = np.ascontiguousarray(np.moveaxis(moved[:3].astype(np.uint8) * seen.view(np.uint8), 0, -1))
    return Frame(pixels, seen, None if mask is None else (moved[4] >= 0.5) & seen)


def _placed(centre: float, half: float, size: int) -> float:
    return size / 2 if 2 * half >= size else min(max(centre, half), size - half)


def _pasted(
    size: int,
    corner: tuple[int, int],
    turns: int,
    image: Bytes,
    valid: npt.NDArray[np.bool_],
    mask: npt.NDArray[np.bool_] | None,
) -> Frame:
    high, wide = valid.shape if turns % 2 == 0 else valid.shape[::-1]
    place = slice(corner[0], corner[0] + high), slice(corner[1], corner[1] + wide)
    frame = Frame(
        np.zeros((size, size, 3), np.uint8),
        np.zeros((size, size), np.bool_),
        None if mask is None else np.zeros((size, size), np.bool_),
    )
    frame.image[place] = np.rot90(image, turns)
    frame.valid[place] = np.rot90(valid, turns)
    if mask is not None and frame.mask is not None:
        frame.mask[place] = np.rot90(mask, turns)
    return frame


def _sampled(
    layers: Bytes, inverse: npt.NDArray[np.float64], size: int
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.bool_]]:
    """Samples (C, h, w) bilinearly at `inverse` of each pixel centre of a square; and says where that is inside."""
    high, wide = layers.shape[1:]
    at = np.arange(size) + 0.5
    x = (inverse[0, 0] * at + inverse[0, 2]) * (2 / wide) - 1, inverse[0, 1] * at * (2 / wide)
    y = (inverse[1, 0] * at + inverse[1, 2]) * (2 / high) - 1, inverse[1, 1] * at * (2 / high)
    grid = np.empty((size, size, 2), np.float32)
    for axis, (across, down) in enumerate((x, y)):
        np.add(across.astype(np.float32), down.astype(np.float32)[:, None], out=grid[:, :, axis])
    inside = (np.abs(grid[:, :, 0]) < 1) & (np.abs(grid[:, :, 1]) < 1)
    planes = torch.from_numpy(layers).to(torch.float32)[None]
    moved = grid_sample(planes, torch.from_numpy(grid)[None], padding_mode="border", align_corners=False)
    return moved[0].numpy(), inside
