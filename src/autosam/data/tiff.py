"""TIFF: its header checked before decoding, and the sample types that Pillow cannot read."""

from __future__ import annotations

import math
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import tifffile

from autosam.core.errors import DataError
from autosam.data.header import PIXEL_LIMIT, check_size

_NONE, _PACKBITS, _DEFLATE = 1, 32773, (8, 32946)
_UNSIGNED, _SIGNED, _FLOAT = 1, 2, 3
_PILLOW_BITS = {_UNSIGNED: (1, 2, 4, 8, 12, 16), _SIGNED: (16, 32), _FLOAT: (32,)}
_WHITE_IS_ZERO, _BLACK_IS_ZERO, _RGB, _CMYK = 0, 1, 2, 5
# A palette, CMYK, YCbCr and the three kinds of Lab: their channels are not red, green and blue, nor a brightness.
_NO_RGB = (3, _CMYK, 6, 8, 9, 10)
_ORIENTATION, _IMAGE_DEPTH = 274, 32997


def read_beyond_pillow(path: Path) -> tuple[npt.NDArray[np.generic], int] | None:
    """Reads the first page where Pillow cannot; else only checks the header.

    A file of several pages of the first one's size is a stack and refused; smaller further pages (thumbnails, the
    levels of a pyramid) are not looked at.

    Returns:
        The samples (H, W) or (H, W, C) as stored, and the EXIF orientation; None where Pillow reads the file.

    Raises:
        DataError: on a stack, on a page too large, on a compression, a number of channels or colours that cannot be
            read.
    """
    with tifffile.TiffFile(path) as tiff:
        page = tiff.pages.first
        _check_page(path, page)
        _check_stack(path, tiff, page)
        if _pillow_reads(page):
            return None
        _check_segments(path, page)
        samples = page.asarray()
        if page.samplesperpixel > 1 and page.planarconfig == 2:
            samples = np.moveaxis(samples, 0, -1)
        # Where a header names no data, tifffile gives none and no error.
        if samples.shape[:2] != (page.imagelength, page.imagewidth) or samples.ndim > 3:
            raise DataError("its header leads to no pixels: damaged", file=path, cure="Save it again from its source")
        return np.ascontiguousarray(samples), _orientation(page)


def tiff_orientation(path: Path) -> int:
    """Returns the orientation that the first page carries, 1 where it says none; nothing is decoded."""
    with tifffile.TiffFile(path) as tiff:
        return _orientation(tiff.pages.first)


def _orientation(page: Any) -> int:
    tag = page.tags.get(_ORIENTATION)
    return int(tag.value) if tag is not None else 1


def _pillow_reads(page: Any) -> bool:
    bits, kind, meaning = page.bitspersample, int(page.sampleformat), int(page.photometric)
    big = page.parent.byteorder == ">"
    if big and page.parent.is_bigtiff and bits >= 8 and meaning in (_BLACK_IS_ZERO, _RGB):
        return False
    if page.samplesperpixel == 1:
        # Compressed samples come from libtiff in the machine's own order, and Pillow turns signed and floating ones.
        turned = big and kind != _UNSIGNED and int(page.compression) != _NONE
        unknown = meaning == _WHITE_IS_ZERO and (kind == _SIGNED or (big and bits == 16))
        return bits in _PILLOW_BITS.get(kind, ()) and not turned and not unknown
    return kind == _UNSIGNED and (bits == 8 or (bits == 16 and meaning == _CMYK and page.planarconfig == 1))


def _check_page(path: Path, page: Any) -> None:
    high, wide, channels = int(page.imagelength), int(page.imagewidth), int(page.samplesperpixel)
    check_size(path, high, wide, channels * page.bitspersample / 8)
    if channels > 4:
        raise DataError(
            f"it has {channels} channels; an image has 1 (gray), 3 (RGB) or 4 (RGB and alpha)",
            file=path,
            cure="Save the wanted channels as a gray or RGB image",
        )
    if page.is_tiled:
        tall, broad = int(page.tilelength), int(page.tilewidth)
        tiles = math.ceil(high / max(1, tall)) * math.ceil(wide / max(1, broad))
        if min(tall, broad) < 1 or tall * broad > PIXEL_LIMIT or tiles > path.stat().st_size:
            raise DataError(
                f"its header claims {tiles} tiles of {broad} x {tall} pixels: damaged or a decompression bomb; "
                "not decoded",
                file=path,
                cure="Save it again from its source",
            )


def _check_stack(path: Path, tiff: tifffile.TiffFile, page: Any) -> None:
    size = page.imagelength, page.imagewidth
    alike, seen = 0, set()
    for other in map(_whole, tiff.pages):
        # tifffile follows pages that point back to one another for ever.
        if other.offset in seen:
            raise DataError("its pages lead in a circle: damaged; not decoded", file=path, cure="Save it again")
        seen.add(other.offset)
        alike += (other.imagelength, other.imagewidth) == size
    metadata = tiff.imagej_metadata or {}
    depth = page.tags.get(_IMAGE_DEPTH)
    count = max(alike, int(metadata.get("images", 1)), int(depth.value) if depth is not None else 1)
    if count > 1:
        raise DataError(
            f"it holds {count} pages of one size, a stack or volume, and which one is meant is not guessed",
            file=path,
            cure="Save each page as an image of its own",
        )


def _whole(page: Any) -> Any:
    return page.aspage() if isinstance(page, tifffile.TiffFrame) else page


def _check_segments(path: Path, page: Any) -> None:
    if int(page.photometric) in _NO_RGB:
        raise DataError(
            f"its colours ({page.photometric.name}, {page.bitspersample} bits a channel) cannot be read",
            file=path,
            cure="Save it as gray or RGB",
        )
    compression = int(page.compression)
    if compression not in (_NONE, _PACKBITS, *_DEFLATE):
        raise DataError(
            f"{page.samplesperpixel} channels of {page.bitspersample} bits under {page.compression.name} compression "
            "cannot be read",
            file=path,
            cure="Save it without compression, or with 8 bits a channel",
        )
    end = path.stat().st_size
    segments = list(zip(page.dataoffsets, page.databytecounts, strict=True))
    if any(offset + length > end for offset, length in segments):
        raise DataError(
            "the file is cut: it ends before its pixels do", file=path, cure="Copy it again from its source"
        )
    if compression not in _DEFLATE:
        return
    most = math.prod(page.chunks) * page.dtype.itemsize
    with path.open("rb") as stream:
        for offset, length in segments:
            stream.seek(offset)
            if len(zlib.decompressobj().decompress(stream.read(length), most + 1)) > most:
                raise DataError(
                    "its compressed data is longer than its header says: a decompression bomb; not decoded",
                    file=path,
                    cure="Save it again from its source",
                )
