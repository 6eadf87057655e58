"""Augmentation: ranges as data, a view drawn from them, and its deterministic application to a frame."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np

from autosam.core.letterbox import Frame
from autosam.data.colour import jitter
from autosam.data.warp import warp

CODE_VERSION = 1
"""Raised when `apply` makes other pixels of the same view; part of the keys of cached embeddings."""


@dataclass(frozen=True, slots=True)
class Augmentation:
    """Ranges to draw views from.

    Attributes:
        brightness, contrast, saturation: factors are drawn from max(0, 1 - x) to 1 + x.
        hue: shifts are drawn from -x to x, in turns of the colour circle (at most 0.5).
        hflip, vflip: whether half of the views are flipped left to right, top to bottom.
        rotation: angles are drawn from -x to x degrees.
        scale: least and greatest zoom.
    """

    brightness: float = 0.0
    contrast: float = 0.0
    saturation: float = 0.0
    hue: float = 0.0
    hflip: bool = False
    vflip: bool = False
    rotation: float = 0.0
    scale: tuple[float, float] = (1.0, 1.0)


@dataclass(frozen=True, slots=True)
class View:
    """What was drawn: all that `apply` needs, so that every view can be replayed.

    Attributes:
        hflip, vflip: flips, before the rotation.
        angle: counter-clockwise, in degrees.
        scale: zoom; above 1 things get larger.
        brightness, contrast, saturation: factors, 1 for no change, applied in this order.
        hue: shift in turns of the colour circle, 0 for no change, applied last.
    """

    hflip: bool = False
    vflip: bool = False
    angle: float = 0.0
    scale: float = 1.0
    brightness: float = 1.0
    contrast: float = 1.0
    saturation: float = 1.0
    hue: float = 0.0

    def as_dict(self) -> dict[str, bool | float]:
        """Returns the numbers by name, in one order, for JSON and for cache keys."""
        return dataclasses.asdict(self)


IDENTITY = View()
"""The view that changes nothing."""

AUGMENTATIONS: dict[str, Augmentation] = {
    "none": Augmentation(),
    "light": Augmentation(0.1, 0.1, 0.1, 0.02, hflip=True, rotation=10, scale=(0.9, 1.1)),
    "histology": Augmentation(0.4, 0.4, 0.4, 0.1, hflip=True, vflip=True, rotation=180, scale=(0.75, 1.25)),
    "endoscopy": Augmentation(0.3, 0.3, 0.3, 0.05, hflip=True, vflip=True, rotation=45, scale=(0.75, 1.25)),
    "reference-monuseg": Augmentation(0.4, 0.4, 0.4, 0.1, hflip=True, rotation=20, scale=(0.75, 1.25)),
    "reference-glas": Augmentation(0.2, 0.2, 0.2, 0.1, hflip=True, rotation=5, scale=(0.75, 1.25)),
    "reference-polyps": Augmentation(0.4, 0.4, 0.4, 0.1, hflip=True, vflip=True, rotation=90, scale=(0.75, 1.25)),
}
"""Presets by name; `reference-*` are those of the AutoSAM paper's public code (arXiv 2306.06370)."""


def draw(augmentation: Augmentation, rng: np.random.Generator) -> View:
    """Draws a view. The generator advances by the same eight numbers whatever the ranges are."""
    u = rng.random(8)

    def between(low: float, high: float, part: float) -> float:
        return float(low + (high - low) * part)

    def factor(spread: float, part: float) -> float:
        return between(max(0.0, 1 - spread), 1 + spread, part)

    return View(
        hflip=bool(augmentation.hflip and u[0] < 0.5),
        vflip=bool(augmentation.vflip and u[1] < 0.5),
        angle=between(-augmentation.rotation, augmentation.rotation, u[2]),
        scale=between(*augmentation.scale, u[3]),
        brightness=factor(augmentation.brightness, u[4]),
        contrast=factor(augmentation.contrast, u[5]),
        saturation=factor(augmentation.saturation, u[6]),
        hue=between(-augmentation.hue, augmentation.hue, u[7]),
    )


def apply(view: View, frame: Frame) -> Frame:
    """Returns the frame under a view; the same bits on every call, and the frame itself under `IDENTITY`.

    Geometry is one affine map about the centre of the valid area (see `warp`); colour follows the definitions of
    torchvision's adjust functions and changes valid pixels only. What comes from outside is black and invalid.
    """
    moved = warp(frame, hflip=view.hflip, vflip=view.vflip, angle=view.angle, scale=view.scale)
    image = jitter(moved.image, moved.valid, view.brightness, view.contrast, view.saturation, view.hue)
    return moved if image is moved.image else Frame(image, moved.valid, moved.mask)
