"""From a mask's samples to its label map: palettes, channels, whole numbers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from autosam.core.errors import DataError

Array = npt.NDArray[Any]

# Pillow spreads 2 and 4 bit grays over 0..255; a mask needs the labels back.
_SPREAD = {"L;2": 85, "L;4": 17}
# Index 0 of a palette, used alone and no darker than this: a picture of nothing but foreground.
_BRIGHT = 128


def label_pixels(picture: Image.Image, raw: str, path: Path) -> Array:
    """Returns a mask's samples (H, W) or (H, W, C): of one channel the labels, of a palette its indices or its grays.

    Args:
        picture: opened by Pillow.
        raw: how samples lie in the file, such as "L;4".
        path: named in errors.

    Raises:
        DataError: on colour of 16 bits, and on a palette whose indices mean nothing.
    """
    mode = picture.mode
    if mode == "1":
        return np.asarray(picture).astype(np.uint8)
    if mode == "L":
        return np.asarray(picture) // np.uint8(_SPREAD.get(raw, 1))
    if mode in ("I", "F") or mode.startswith("I;16"):
        return np.asarray(picture)
    if mode in ("P", "PA"):
        return _palette_labels(picture, path)
    if ";16" in raw:
        raise DataError("the mask is colour of 16 bits", file=path, cure="Save it with one channel of labels")
    return np.asarray(picture if mode in ("RGB", "RGBA", "LA") else picture.convert("RGB"))


def _palette_labels(picture: Image.Image, path: Path) -> Array:
    """Returns a palette image's indices; its grays where it is a gray picture that was put into a palette as it came.

    Programs number a palette's colours as they like, white first for example. Where the grays do not rise with the
    indices, or black has an index, the indices mean nothing.
    """
    indices = np.asarray(picture)
    if indices.ndim == 3:
        indices = indices[:, :, 0]
    used = np.flatnonzero(np.bincount(indices.ravel(), minlength=256))
    stored = np.array(picture.getpalette("RGB"), np.uint8).reshape(-1, 3)
    palette = np.zeros((256, 3), np.uint8)
    palette[: len(stored)] = stored
    colours = palette[used]
    black = (colours == 0).all(1)
    if (colours == colours[:, :1]).all():
        gray = colours[:, 0].astype(np.int64)
        full = len(used) == 1 and used[0] == 0 and gray[0] >= _BRIGHT
        plain = bool((np.diff(gray) > 0).all()) and not black[used > 0].any() and not full
        return indices if plain else palette[:, 0][indices]
    if used[0] == 0 and not black[0] and black.any():
        raise DataError(
            "the mask's palette paints label 0 in a colour and another one black, so that its labels mean nothing",
            file=path,
            cure="Save it with one channel: 0 for background and 1, 2, ... for the labels",
        )
    return indices


def labels_of(array: Array, path: Path) -> Array:
    """Returns the label map (H, W) of an integer type that a mask's samples (H, W) or (H, W, C) are.

    Raises:
        DataError: on colours, fractions, NaN or infinite values, and on a mask that is in its alpha channel.
    """
    if array.ndim == 3:
        array = _one_channel(array, path)
    if array.dtype.kind == "f":
        whole = np.isfinite(array) & (array == np.rint(array)) & (np.abs(array) < 2**53)
        if not whole.all():
            kind = "fractions" if np.isfinite(array).all() else "NaN or infinite values"
            raise DataError(
                f"the mask holds {kind}, not labels", file=path, cure="Threshold it and save it as integers"
            )
        return array.astype(np.int64)
    return array.astype(np.uint8) if array.dtype.kind == "b" else array


def _one_channel(array: Array, path: Path) -> Array:
    channels = array.shape[2]
    colour = array[:, :, : 3 if channels >= 3 else 1]
    if not (colour == colour[:, :, :1]).all():
        raise DataError(
            "the mask is in colour, and which colour is foreground is not guessed",
            file=path,
            cure="Save it with one channel: 0 for background and 1, 2, ... for the labels",
        )
    if channels in (2, 4):
        alpha = array[:, :, -1]
        if (colour == colour[0, 0]).all() and not (alpha == alpha[0, 0]).all():
            raise DataError(
                "the mask is one flat colour under an alpha channel that varies",
                file=path,
                cure="Save the alpha channel as a mask of one channel",
            )
    return colour[:, :, 0]
