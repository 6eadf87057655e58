"""Small pictures for the report, as encoded bytes; each at most `SIDE` pixels long."""

from __future__ import annotations

from dataclasses import dataclass
from io import BytesIO

import numpy as np
import numpy.typing as npt
from PIL import Image

from autosam.core.letterbox import Letterbox
from autosam.data.overlay import overlay

SIDE = 420


@dataclass(frozen=True, slots=True)
class Picture:
    """An encoded picture.

    Attributes:
        title: what it shows.
        kind: its MIME type.
        data: the file's bytes.
        width: in pixels, as it is to be shown.
        height: in pixels, as it is to be shown.
        blocky: whether its pixels are cells of a grid, to be shown as such.
    """

    title: str
    kind: str
    data: bytes
    width: int
    height: int
    blocky: bool = False


def photograph(title: str, rgb: npt.NDArray[np.uint8]) -> Picture:
    """Returns (H, W, 3) uint8 as a small JPEG."""
    return _jpeg(title, shrink(rgb))


def outlined(
    title: str, rgb: npt.NDArray[np.uint8], mask: npt.NDArray[np.bool_], truth: npt.NDArray[np.bool_]
) -> Picture:
    """Returns (H, W, 3) uint8 with the outlines of prediction and truth, both (H, W) bool, as a small JPEG."""
    return _jpeg(title, overlay(shrink(rgb), shrink_mask(mask), truth=shrink_mask(truth)))


def silhouette(title: str, mask: npt.NDArray[np.bool_]) -> Picture:
    """Returns a (H, W) bool mask in black and white as a small PNG."""
    small = shrink_mask(mask)
    return _png(title, Image.fromarray(small), small.shape)


def prompt_picture(title: str, prompt: npt.NDArray[np.float32], size: tuple[int, int]) -> Picture:
    """Returns a dense prompt (C, h, w) as colours: its three strongest principal components over the image's area.

    Args:
        title: what it shows.
        prompt: (C, h, w), covering the padded square.
        size: the image's height and width; the padding is cut off.
    """
    pixels, _ = prompt_colours(prompt, size)
    return _png(title, Image.fromarray(pixels), _fitted(*size), blocky=True)


def prompt_colours(
    prompt: npt.NDArray[np.float32], size: tuple[int, int]
) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.float64]]:
    """Returns a dense prompt's three strongest principal components as RGB, and the share of the variance of each.

    Args:
        prompt: (C, h, w), covering the padded square.
        size: the image's height and width; the padding is cut off.

    Returns:
        (h', w', 3) uint8, each component stretched between its 1st and 99th percentile; and (3,) shares in 0..1.
    """
    channels, high, wide = prompt.shape
    inner = Letterbox(max(high, wide), *size).inner
    cells = prompt[:, : inner[0], : inner[1]].astype(np.float64)
    shape = cells.shape[1:]
    cells = cells.reshape(channels, -1).T
    cells -= cells.mean(axis=0)
    strengths, axes = np.linalg.eigh(cells.T @ cells)
    strengths, axes = strengths[::-1], axes[:, ::-1][:, :3]
    # An eigenvector's sign is arbitrary: its largest entry decides, so that a picture can be made again.
    axes = axes * np.sign(axes[np.abs(axes).argmax(axis=0), np.arange(axes.shape[1])])
    colours = np.full((len(cells), 3), 0.5)
    for column, values in enumerate((cells @ axes).T):
        low, high_end = np.percentile(values, [1, 99])
        colours[:, column] = (values - low) / max(high_end - low, 1e-12)
    pixels = np.rint(colours.clip(0, 1) * 255).astype(np.uint8).reshape(*shape, 3)
    return pixels, strengths[:3] / max(float(strengths.sum()), 1e-12)


def _fitted(high: int, wide: int) -> tuple[int, int]:
    scale = min(1.0, SIDE / max(high, wide))
    return max(1, round(high * scale)), max(1, round(wide * scale))


def shrink(rgb: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """Returns (H, W, 3) uint8 at a size of at most `SIDE`."""
    high, wide = _fitted(*rgb.shape[:2])
    return np.asarray(Image.fromarray(rgb).resize((wide, high), Image.Resampling.LANCZOS), np.uint8)


def shrink_mask(mask: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """Returns (H, W) bool at a size of at most `SIDE`, cut at half a pixel's area."""
    high, wide = _fitted(*mask.shape)
    levels = Image.fromarray(mask.astype(np.uint8) * 255).resize((wide, high), Image.Resampling.BOX)
    return np.asarray(levels) >= 128


def _jpeg(title: str, rgb: npt.NDArray[np.uint8]) -> Picture:
    stream = BytesIO()
    Image.fromarray(rgb).save(stream, format="JPEG", quality=86, subsampling=0)
    return Picture(title, "image/jpeg", stream.getvalue(), rgb.shape[1], rgb.shape[0])


def _png(title: str, image: Image.Image, shown: tuple[int, ...], *, blocky: bool = False) -> Picture:
    stream = BytesIO()
    image.save(stream, format="PNG", optimize=True)
    return Picture(title, "image/png", stream.getvalue(), shown[1], shown[0], blocky)
