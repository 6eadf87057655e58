"""Maps of an image averaged with those of its mirror images."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from autosam.inference.masker import Masker
from autosam.inference.tiles import Maps, maps_of

MIRRORS: tuple[tuple[int, ...], ...] = ((0,), (1,), (0, 1))
"""Axes that are turned round: up and down, left and right, both."""


def mirrored_maps_of(masker: Masker, rgb: npt.NDArray[np.uint8], tile: int | None, *, prompt: bool = False) -> Maps:
    """Returns the maps of an image (H, W, 3), their logits the mean over it and its three mirror images.

    An image and its mirror image differ in nothing that medicine knows of, so what the mean takes away is chance, for
    four times the work. Whole images are mirrored, so the padding stays where the SAM expects it. The prompt, which is
    for inspection, is that of the image as it is. The arguments are those of `autosam.inference.tiles.maps_of`.
    """
    maps = maps_of(masker, rgb, tile, prompt=prompt)
    logits, surrogate = maps.logits.clone(), None if maps.surrogate is None else maps.surrogate.clone()
    for axes in MIRRORS:
        turned = maps_of(masker, np.flip(rgb, axes).copy(), tile)
        logits += turned.logits.flip(axes)
        if surrogate is not None and turned.surrogate is not None:
            surrogate += turned.surrogate.flip(axes)
    of = 1 + len(MIRRORS)
    return Maps(logits / of, None if surrogate is None else surrogate / of, maps.prompt)
