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
from autosam.data.label_map import label_pixels, labels_of
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
    return _read(path, label_pixels, labels_of)


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


def _raw_mode(picture: Image.Image) -> str:
    """Returns how samples lie in the file, such as "L;4"; known only before Pillow loads them."""
    arguments = picture.tile[0][3] if isinstance(picture, ImageFile.ImageFile) and picture.tile else ""
    raw = arguments[0] if isinstance(arguments, tuple) and arguments else arguments
    return raw if isinstance(raw, str) else ""
