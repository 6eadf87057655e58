"""The clips of files and folders: what prediction in order and in time is given."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from autosam.core.errors import DataError
from autosam.core.names import writable
from autosam.data.container import is_clip
from autosam.data.inputs import no_inputs
from autosam.data.walk import children, distinct, folders_below, is_image, name_below, without_suffix


def frame_files(folder: Path) -> list[Path]:
    """Returns the images right in a folder, in natural order of their names."""
    return [file for file in children(folder)[1] if is_image(file)]


def frame_names(files: Sequence[Path]) -> list[str]:
    """Returns what the masks of a folder's frames are called: the files' names, with suffixes where they need them.

    Bytes of a name that are no text become escapes, as in ids.
    """
    names = [writable(file.name) for file in files]
    return distinct([(without_suffix(name), name) for name in names])


def find_clips(inputs: Sequence[Path]) -> list[tuple[str, Path]]:
    """Finds the clips of files and folders.

    Returns:
        The id and path of each. A file is a clip. Of a folder, at any depth, every video is one, and every folder that
        holds images right in it is one of frames, but for a folder of masks beside one of images and what a prediction
        wrote. An id is a file's name without its suffix or a folder's name, after the folders between it and the one
        that was given; ids that would clash keep the suffix, then the given folder's name.

    Raises:
        DataError: where an input is missing, or a folder holds no clip, or two ids cannot be told apart.
    """
    found: dict[Path, tuple[str, ...]] = {}
    for given in inputs:
        if not given.is_dir() and not given.exists():
            raise DataError("there is no such file or folder", file=given, cure="Check the path")
        clips = _clips_below(given) if given.is_dir() else [given]
        if not clips:
            raise DataError("there is no clip in this folder", file=given, cure="Give a video, or a folder of frames")
        above = given.resolve() if given.is_dir() else given.absolute().parent
        for clip in clips:
            name = above.name if clip == given and given.is_dir() else name_below(clip, _base(given))
            found.setdefault(clip.absolute(), (_bare(clip, name), name, f"{above.name}/{name}"))
    return list(zip(distinct(list(found.values())), found, strict=True))


def _base(given: Path) -> Path:
    return given if given.is_dir() else given.parent


def _bare(clip: Path, name: str) -> str:
    return name[: -len(clip.suffix)] if is_clip(clip) and not clip.is_dir() else name


def _clips_below(root: Path) -> list[Path]:
    others = no_inputs(root)
    found: list[Path] = []
    for folder in folders_below(root):
        if folder in others or not others.isdisjoint(folder.parents):
            continue
        files = children(folder)[1]
        found += [folder] if any(is_image(file) for file in files) else []
        found += [file for file in files if is_clip(file)]
    return found
