"""Image and mask files, read to arrays under one rule for orientation, depth and colour."""

from __future__ import annotations

import contextlib
import hashlib
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageFile

from autosam.core.errors import AutoSAMError, DataError, ResourceError
from autosam.data.bmp import mend_palette
from autosam.data.header import check_size, head_of, kind_of
from autosam.data.tiff import read_beyond_pillow, tiff_orientation

IMAGE_SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".gif"})

Array = npt.NDArray[Any]

_ORIENTATION = 0x0112
_ORIENT: dict[int, Callable[[Array], Array]] = {
    2: lambda a: a[:, ::-1],
    3: lambda a: a[::-1, ::-1],
    4: lambda a: a[::-1],
    5: lambda a: a.swapaxes(0, 1),
    6: lambda a: np.rot90(a, -1),
    7: lambda a: a.swapaxes(0, 1)[::-1, ::-1],
    8: lambda a: np.rot90(a, 1),
}
# Pillow spreads 2 and 4 bit grays over 0..255; a mask needs the labels back.
_SPREAD = {"L;2": 85, "L;4": 17}
# Index 0 of a palette, used alone and no darker than this: a picture of nothing but foreground.
_BRIGHT = 128
_PIXEL_BYTES = {"1": 1, "I": 4, "F": 4, "I;16": 2, "I;16B": 2, "I;16L": 2}


def read_image(path: Path) -> Array:
    """Reads a PNG, JPEG, BMP, TIFF or GIF (first frame), told by its content.

    EXIF orientation is applied. Alpha is ignored: the stored RGB is taken as it is. Palette, CMYK and YCbCr become RGB.
    Colour of 16 bits keeps its high byte; colour of floats is stretched from its common minimum and maximum.

    Returns:
        (H, W, 3) uint8 RGB; or (H, W) uint8, uint16, int32 or float32 gray as stored (1-bit becomes 0 and 255).

    Raises:
        DataError: where it is missing, empty, cut, no image, a stack, too large, or holds NaN; decoding is not begun
            where the header alone tells.
    """
    return _read(path, _picture_pixels, _gray_or_rgb)


def pixels_of(picture: Image.Image) -> Array:
    """Returns the pixels of a picture that Pillow holds, under the rule of `read_image` for depth and colour.

    They stay as they lie, whatever EXIF says, so that what is made of them fits the picture.

    Returns:
        As `read_image`.

    Raises:
        DataError: where it cannot be decoded, or holds NaN.
    """
    path = Path(getattr(picture, "filename", "") or "image")
    with _speaking(path):
        return _native(_gray_or_rgb(_picture_pixels(picture, "", path), path))


def read_mask(path: Path) -> Array:
    """Reads a label map; the same formats and the same orientation rule as `read_image`.

    Of a palette image the indices are the labels, but of one in grays that do not rise with them: there the grays are.
    Of RGB with three equal channels one is taken; 1-bit gives 0 and 1.

    Returns:
        (H, W) of an integer type: the labels as stored.

    Raises:
        DataError: as `read_image`; and on a coloured mask, on fractions, on a mask that sits in the alpha channel.
    """
    return _read(path, _label_pixels, _labels)


def orientation(path: Path) -> int:
    """Returns the EXIF orientation that a file carries, 1 (upright) to 8; 1 where it says none.

    Raises:
        DataError: where the file cannot be opened as an image.
    """
    with _speaking(path):
        if kind_of(path) == "TIFF":
            return tiff_orientation(path)
        with _opened(path) as picture:
            return int(picture.getexif().get(_ORIENTATION, 1))


def content_hash(array: Array) -> str:
    """Returns the SHA-256 over shape, type and values, in hexadecimal; equal for equal pixels whatever the file."""
    array = np.ascontiguousarray(array)
    little = array.astype(array.dtype.newbyteorder("<"), copy=False)
    digest = hashlib.sha256(f"{array.shape} {little.dtype.str}".encode())
    digest.update(little.data.cast("B") if little.size else b"")
    return digest.hexdigest()


def _read(
    path: Path, pixels: Callable[[Image.Image, str, Path], Array], finish: Callable[[Array, Path], Array]
) -> Array:
    with _speaking(path):
        special = read_beyond_pillow(path) if kind_of(path) == "TIFF" else None
        if special is not None:
            array, turn = special
        else:
            with _opened(path) as picture:
                raw = _raw_mode(picture)
                picture.load()
                array = pixels(picture, raw, path)
                # After load: Pillow turns TIFF itself then and drops the tag, and PNG may carry it behind its pixels.
                turn = int(picture.getexif().get(_ORIENTATION, 1))
        array = finish(array, path)
        if turn in _ORIENT:
            array = _ORIENT[turn](array)
        return _native(array)


def _native(array: Array) -> Array:
    return np.ascontiguousarray(array.astype(array.dtype.newbyteorder("="), copy=False))


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[Image.Image]:
    kind = kind_of(path)
    # Not by its name: Pillow would map the file into memory, and garbles a turned TIFF that way.
    with warnings.catch_warnings(), path.open("rb") as stream:
        warnings.simplefilter("ignore")
        try:
            picture = Image.open(stream, formats=[kind])
        except Image.DecompressionBombError as fault:
            raise DataError(
                "it claims more pixels than one image may have; not decoded",
                file=path,
                cure="Cut it into tiles or make it smaller",
            ) from fault
        with picture:
            if kind == "BMP":
                mend_palette(picture, head_of(path, "an image"))
            pixel_bytes = _PIXEL_BYTES.get(picture.mode, len(picture.getbands()))
            check_size(path, picture.height, picture.width, pixel_bytes / 8 if picture.mode == "1" else pixel_bytes)
            yield picture


@contextlib.contextmanager
def _speaking(path: Path) -> Iterator[None]:
    try:
        yield
    except AutoSAMError:
        raise
    except MemoryError as fault:
        raise ResourceError("not enough memory to decode it", file=path, cure="Make it smaller") from fault
    except Exception as fault:
        # Decoders raise whatever they trip over; to a user all of it is one fault: a damaged file.
        reason = str(fault).splitlines()[0].replace(str(path), "the file") if str(fault) else type(fault).__name__
        raise DataError(
            f"cannot be decoded ({reason})", file=path, cure="It is cut or damaged: copy or export it again"
        ) from fault


def _picture_pixels(picture: Image.Image, _raw: str, _path: Path) -> Array:
    mode = picture.mode
    if mode == "1":
        picture = picture.convert("L")
    elif mode in ("La", "LA"):
        picture = picture.convert("LA").getchannel("L")
    elif mode in ("P", "PA", "RGBa"):
        picture = picture.convert("RGBA").convert("RGB")
    elif mode not in ("L", "RGB", "I", "F") and not mode.startswith("I;16"):
        picture = picture.convert("RGB")
    return np.asarray(picture)


def _gray_or_rgb(array: Array, path: Path) -> Array:
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        raise DataError(
            "the image holds NaN or infinite values, which have no brightness",
            file=path,
            cure="Replace them (numpy.nan_to_num) and save it again",
        )
    if array.ndim == 3 and array.shape[2] < 3:
        array = array[:, :, 0]
    if array.ndim == 2:
        return array.astype(np.float32) if array.dtype.kind == "f" else array
    colour = array[:, :, :3]
    if colour.dtype == np.uint16:
        return np.asarray(colour >> 8, np.uint8)
    if colour.dtype != np.uint8:
        wide = colour.astype(np.float64)
        low, high = wide.min(), wide.max()
        return np.asarray(np.rint((wide - low) * (255 / max(high - low, 1e-300))), np.uint8)
    return colour


def _label_pixels(picture: Image.Image, raw: str, path: Path) -> Array:
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


def _labels(array: Array, path: Path) -> Array:
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


def _raw_mode(picture: Image.Image) -> str:
    """Returns how samples lie in the file, such as "L;4"; known only before Pillow loads them."""
    arguments = picture.tile[0][3] if isinstance(picture, ImageFile.ImageFile) and picture.tile else ""
    raw = arguments[0] if isinstance(arguments, tuple) and arguments else arguments
    return raw if isinstance(raw, str) else ""
