"""Images of formats that are not read: they are passed over, and told."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from autosam.core.words import counted

_PHOTOGRAPHS = {
    ".avif", ".cr2", ".cr3", ".dib", ".dng", ".exr", ".hdr", ".heic", ".heif", ".j2k", ".jp2", ".jpx", ".jxl",
    ".nef", ".psd", ".svg", ".tga", ".webp",
}  # fmt: skip
_SLIDES = {
    ".czi", ".ims", ".lif", ".lsm", ".mrxs", ".nd2", ".ndpi", ".oib", ".oif", ".qptiff", ".scn", ".svs",
    ".svslide", ".vms", ".vsi", ".zvi",
}  # fmt: skip
_VOLUMES = {
    ".dcm", ".dicom", ".ima", ".mha", ".mhd", ".nii", ".nrrd",
}  # fmt: skip
_SUFFIXES = _PHOTOGRAPHS | _SLIDES | _VOLUMES
_ZIPPED = ".nii.gz"
_SHOWN = 3


def note_on_unread(files: Iterable[Path]) -> str | None:
    """Returns a sentence on those of some files that are images which nothing here reads; None where there are none."""
    found = [file for file in files if file.suffix.lower() in _SUFFIXES or file.name.lower().endswith(_ZIPPED)]
    if not found:
        return None
    names = ", ".join(file.name for file in found[:_SHOWN]) + (", ..." if len(found) > _SHOWN else "")
    return (
        f"{counted(len(found), 'file')} of formats that are not read {'is' if len(found) == 1 else 'are'} passed over: "
        f"{names}. Convert them to PNG or TIFF"
    )
