"""What a file's first bytes say, before anything of it is decoded."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from autosam.core.errors import DataError

Kind = Literal["PNG", "JPEG", "BMP", "TIFF", "GIF"]

PIXEL_LIMIT = 170_000_000
"""Most pixels of one image, about 13 000 x 13 000; more is refused before decoding. Below Pillow's own limit."""

_EXPANSION_LIMIT = 2000
_ALWAYS_FINE = 16_000_000

_SIGNATURES: tuple[tuple[bytes, Kind], ...] = (
    (b"\x89PNG\r\n\x1a\n", "PNG"),
    (b"\xff\xd8\xff", "JPEG"),
    (b"BM", "BMP"),
    (b"II*\x00", "TIFF"),
    (b"MM\x00*", "TIFF"),
    (b"II+\x00", "TIFF"),
    (b"MM\x00+", "TIFF"),
    (b"GIF87a", "GIF"),
    (b"GIF89a", "GIF"),
)
_STRANGERS: tuple[tuple[bytes, str], ...] = (
    (b"RIFF", "a WebP image or other RIFF file"),
    (b"\x1f\x8b", "a gzip archive (perhaps a NIfTI volume)"),
    (b"PK\x03\x04", "a zip archive"),
    (b"%PDF", "a PDF document"),
    (b"\x00\x00\x00\x0cjP", "a JPEG 2000 image"),
    (b"\xff\x4f\xff\x51", "a JPEG 2000 image"),
    (b"\x93NUMPY", "a numpy array"),
)
_KINDS = "PNG, JPEG, BMP, TIFF or GIF"


def kind_of(path: Path) -> Kind:
    """Returns the format of an image file by its content; the extension has no say.

    Raises:
        DataError: where the file is missing, unreadable, empty or no image of a known format; it says what the file is.
    """
    head = head_of(path, "an image")
    for signature, kind in _SIGNATURES:
        if head.startswith(signature):
            return kind
    raise DataError(f"this is {stranger(head)}, not an image", file=path, cure=f"Save it as {_KINDS}, or take it away")


def head_of(path: Path, wanted: str) -> bytes:
    """Returns the first bytes of a file that should be `wanted` ("an image"), at least one.

    Raises:
        DataError: where the file is missing, a folder, unreadable or empty.
    """
    try:
        if path.is_dir():
            raise DataError(f"this is a folder, not {wanted}", file=path)
        if not path.is_file():
            raise DataError("there is no such file", file=path, cure="Check the path")
        with path.open("rb") as stream:
            head = stream.read(1024)
    except OSError as fault:
        reason = fault.strerror or str(fault)
        raise DataError(f"cannot be read ({reason})", file=path, cure="Check the path and its permissions") from fault
    if not head:
        raise DataError("the file is empty", file=path, cure="Copy or export it again")
    return head


def check_size(path: Path, height: int, width: int, pixel_bytes: float) -> None:
    """Refuses an image that is too large to decode, by what its header says.

    Args:
        path: the file.
        height: in pixels.
        width: in pixels.
        pixel_bytes: bytes of one decoded pixel.

    Raises:
        DataError: past `PIXEL_LIMIT`; or where a large image claims more than 2000 times the bytes of its file, which
            no honest encoder reaches (deflate ends at 1032).
    """
    pixels = height * width
    size = path.stat().st_size
    if height < 1 or width < 1:
        raise DataError(f"its header says {width} x {height} pixels", file=path, cure="Save it again")
    if pixels > PIXEL_LIMIT:
        raise DataError(
            f"{width} x {height} pixels ({size} bytes on disk) are more than the {PIXEL_LIMIT // 1_000_000} million "
            "that one image may have; not decoded",
            file=path,
            cure="Cut it into tiles or make it smaller",
        )
    if pixels > _ALWAYS_FINE and pixels * pixel_bytes > _EXPANSION_LIMIT * size:
        raise DataError(
            f"{size} bytes claim to be {width} x {height} pixels: a damaged file or a decompression bomb; not decoded",
            file=path,
            cure="Save it again from its source",
        )


def stranger(head: bytes) -> str:
    """Returns what a file's first bytes show it to be, in words, with its article."""
    for signature, kind in _SIGNATURES:
        if head.startswith(signature):
            return f"a {kind} image"
    for signature, name in _STRANGERS:
        if head.startswith(signature):
            return name
    if head[128:132] == b"DICM":
        return "a DICOM file"
    printable = sum(byte in b"\t\n\r\f" or byte >= 32 for byte in head)
    return "text" if b"\x00" not in head and printable >= 0.97 * len(head) else "a file of an unknown kind"
