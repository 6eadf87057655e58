"""Images of formats that are not read: they are passed over, and told."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from autosam.core.words import counted, first_of
from autosam.data.walk import name_below, walked

_PHOTOGRAPHS = {
    ".avif", ".cr2", ".cr3", ".dib", ".dng", ".exr", ".hdr", ".heic", ".heif", ".j2k", ".jfif", ".jp2", ".jpe", ".jpx",
    ".jxl", ".nef", ".pbm", ".pgm", ".pnm", ".ppm", ".psd", ".svg", ".tga", ".webp",
}  # fmt: skip
_SLIDES = {
    ".czi", ".ims", ".lif", ".lsm", ".mrxs", ".nd2", ".ndpi", ".oib", ".oif", ".qptiff", ".scn", ".svs",
    ".svslide", ".vms", ".vsi", ".zvi",
}  # fmt: skip
_VOLUMES = {
    ".dcm", ".dicom", ".ima", ".mat", ".mha", ".mhd", ".nii", ".npy", ".npz", ".nrrd",
}  # fmt: skip
_SUFFIXES = _PHOTOGRAPHS | _SLIDES | _VOLUMES
_ZIPPED = ".nii.gz"


def is_unread(file: Path) -> bool:
    """Says whether a file is an image that nothing here reads: by its suffix; DICOM without one by its content."""
    suffix = file.suffix.lower()
    if suffix in _SUFFIXES or file.name.lower().endswith(_ZIPPED):
        return True
    # Scanners number their files, or name them by dotted numbers.
    return (not suffix or suffix[1:].isdigit()) and _is_dicom(file)


def unread_below(*folders: Path) -> Iterator[str]:
    """Yields the names of such files below each of some folders, at any depth."""
    for folder in folders:
        yield from (name_below(file, folder) for _, _, files in walked(folder) for file in files if is_unread(file))


def note_on_unread(files: Iterable[Path]) -> str | None:
    """Returns a sentence on those of some files that are images which nothing here reads; None where there are none."""
    found = [file for file in files if is_unread(file)]
    if not found:
        return None
    return (
        f"{counted(len(found), 'file')} of formats that are not read {'is' if len(found) == 1 else 'are'} passed over: "
        f"{first_of([file.name for file in found])}. Convert them to PNG or TIFF"
    )


def _is_dicom(file: Path) -> bool:
    # To open a pipe is to wait for its writer.
    if not file.is_file():
        return False
    try:
        with file.open("rb") as stream:
            return stream.read(132)[128:] == b"DICM"
    except OSError:
        return False
