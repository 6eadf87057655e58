"""What holds a video, told by a file's own bytes, and how much of the file its outermost lengths miss."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Literal

from autosam.core.errors import DataError
from autosam.data.header import head_of, stranger

Container = Literal["mov", "avi", "matroska"]
"""MP4 and QuickTime, AVI, Matroska and WebM: the names that FFmpeg knows them by."""

_CLIP_SUFFIXES = frozenset({".mp4", ".m4v", ".mov", ".avi", ".mkv", ".webm"})

_BOXES = (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot")
_EBML, _SEGMENT = 0x1A45DFA3, 0x18538067
# A file of a hundred thousand boxes is a stream of fragments, whose end tells nothing that its packets do not.
_MOST_BOXES = 100_000


def is_clip(path: Path) -> bool:
    """Says whether a path has the suffix of a video."""
    return path.suffix.lower() in _CLIP_SUFFIXES


def container_of(path: Path) -> Container:
    """Returns what holds a video, by its content; the extension has no say.

    Nothing is guessed: a text that lists other files, or an address to fetch, is no clip whatever its name.

    Raises:
        DataError: where the file is missing, unreadable, empty or none of these; it says what the file is.
    """
    head = head_of(path, "a video")
    if head[4:8] in _BOXES:
        return "mov"
    if head[:4] == b"RIFF" and head[8:12] == b"AVI ":
        return "avi"
    if head[:4] == _EBML.to_bytes(4, "big"):
        return "matroska"
    raise DataError(
        f"this is {stranger(head)}, not a video",
        file=path,
        cure="Save it as MP4, MOV, AVI or MKV; a folder of frames is taken with --clip",
    )


def missing_bytes(path: Path, container: Container) -> int:
    """Returns how many bytes a file is shorter than its outermost parts say; 0 where it is whole or does not say."""
    size = path.stat().st_size
    with path.open("rb") as stream:
        ends = {"mov": _boxes, "avi": _riffs, "matroska": _elements}[container](stream)
        for _, end in zip(range(_MOST_BOXES), ends, strict=False):
            if end > size:
                return end - size
            stream.seek(end)
    return 0


def _boxes(stream: BinaryIO) -> Iterator[int]:
    while len(head := stream.read(8)) == 8:
        start, length = stream.tell() - 8, int.from_bytes(head[:4], "big")
        if length == 1:
            length = int.from_bytes(stream.read(8), "big")
        if length < 8:
            return
        yield start + length


def _riffs(stream: BinaryIO) -> Iterator[int]:
    while len(head := stream.read(8)) == 8 and head[:4] == b"RIFF":
        length = int.from_bytes(head[4:], "little")
        # A recorder that was switched off leaves the length that it began with.
        if length == 0:
            return
        yield stream.tell() + length


def _elements(stream: BinaryIO) -> Iterator[int]:
    while _number(stream, keep_marker=True) in (_EBML, _SEGMENT):
        length = _number(stream, keep_marker=False)
        if length is None:
            return
        yield stream.tell() + length


def _number(stream: BinaryIO, *, keep_marker: bool) -> int | None:
    """Returns an EBML number of variable length; None at the end, and for the length that says "unknown"."""
    first = stream.read(1)
    if not first or not first[0]:
        return None
    more = 8 - first[0].bit_length()
    rest = stream.read(more)
    if len(rest) < more:
        return None
    value = int.from_bytes(first + rest, "big")
    if keep_marker:
        return value
    value -= 1 << (7 * (more + 1))
    return None if value == (1 << (7 * (more + 1))) - 1 else value
