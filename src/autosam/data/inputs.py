"""What prediction is given: the images of files, folders and tables."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from autosam.core.errors import DataError
from autosam.core.names import writable
from autosam.core.words import first_of
from autosam.data.container import is_clip
from autosam.data.folder import IMAGE_FOLDERS, MASK_FOLDERS, find_pairs
from autosam.data.matching import MASK_ENDING
from autosam.data.predicted import predictions_among
from autosam.data.unread import note_on_unread
from autosam.data.walk import Place, distinct, is_image, name_below, walked, without_suffix

_TABLE = ".csv"


def find_images(inputs: Sequence[Path]) -> list[tuple[str, Path]]:
    """Finds the images of files, folders and tables, for prediction.

    Returns:
        The id and path of each. Where a folder is a data set of images and masks, and of a CSV of these, an id is that
        of the case (`find_pairs`), so that what is predicted is found where the same data are scored. Else it is the
        path below the given folder without extension, or a file's name without it; ids that would clash keep the
        extension (`a.png` beside `a.jpg`), then the given folder's name. A file that is named itself is taken whatever
        it is; of a folder, the files with the suffix of an image, but for those in a folder of masks beside one of
        images, those that a prediction wrote, and `masks_beside`.

    Raises:
        DataError: where an input is missing, holds no image, or is a table that cannot be used, or two ids cannot be
            told apart.
    """
    found: dict[Path, tuple[str, ...]] = {}
    for given in inputs:
        for file, names in _of(given):
            found.setdefault(file.absolute(), names)
    return list(zip(distinct(list(found.values())), found, strict=True))


def _of(given: Path) -> list[tuple[Path, tuple[str, ...]]]:
    """Returns the images of one input, with the names that each may have."""
    if given.is_dir():
        return _of_folder(given)
    if not given.exists():
        raise DataError("there is no such file or folder", file=given, cure="Check the path")
    if given.suffix.lower() == _TABLE:
        return [(pair.image, (pair.id, f"{given.stem}/{pair.id}")) for pair in find_pairs(given).pairs]
    name, folder = name_below(given, given.parent), writable(given.absolute().parent.name)
    return [(given, (without_suffix(name), name, f"{folder}/{name}"))]


def _of_folder(root: Path) -> list[tuple[Path, tuple[str, ...]]]:
    places = list(walked(root))
    sides, masks = _mask_folders(places), set(masks_beside(places))
    others = sides | predictions_among(places)
    files = [file for file in _files(places, others) if is_image(file) and file not in masks]
    if not files:
        unread = note_on_unread(file for _, _, inside in places for file in inside)
        raise DataError(
            "there is no image in this folder; masks beside images and predictions do not count"
            + (f". {unread}" if unread else ""),
            file=root,
            cure="Give a folder or file of images; --clip takes the videos of a folder",
        )
    cases, above = _cases(root) if sides or masks else {}, writable(root.resolve().name)
    named = [(file, name_below(file, root)) for file in files]
    return [(file, (*cases.get(file, ()), without_suffix(name), name, f"{above}/{name}")) for file, name in named]


def _cases(root: Path) -> dict[Path, tuple[str]]:
    """Returns the ids of a data set's cases by their images; none where the folder is no such data set."""
    try:
        return {pair.image: (pair.id,) for pair in find_pairs(root).pairs}
    except DataError:
        return {}


def notes_on(inputs: Sequence[Path], *, clips: bool = False) -> list[str]:
    """Returns what a user should know of that in some folders which is not predicted, a sentence each.

    Args:
        inputs: files and folders; of files nothing is told.
        clips: whether their clips are predicted, not their images.
    """
    places = [place for given in inputs if given.is_dir() for place in walked(given)]
    files = list(_files(places, _mask_folders(places) | predictions_among(places)))
    notes = [note_on_unread(files)]
    videos, masks = [file for file in files if is_clip(file)], masks_beside(places)
    if videos and not clips:
        passed = "a video is" if len(videos) == 1 else f"{len(videos)} videos are"
        notes.append(f"{passed} passed over: {_first_of(videos)}. --clip takes the videos of a folder, by themselves")
    if masks and not clips:
        notes.append(
            f"masks beside their images are left out: {_first_of(masks)}. A file that is named itself is predicted"
        )
    return [note for note in notes if note is not None]


def _first_of(files: Sequence[Path]) -> str:
    return first_of([file.name for file in files])


def _files(places: Iterable[Place], others: set[Path]) -> Iterator[Path]:
    """Yields the files of some folders but for those that lie in others."""
    for folder, _, files in places:
        if folder not in others and others.isdisjoint(folder.parents):
            yield from files


def masks_beside(places: Iterable[Place]) -> list[Path]:
    """Returns those masks of some folders, as `walked` gives these, that lie beside their images: `x_mask` by `x`."""
    found = []
    for _, _, files in places:
        images = [file for file in files if is_image(file)]
        stems = {file.stem for file in images}
        found += [file for file in images if MASK_ENDING.search(file.stem) and MASK_ENDING.sub("", file.stem) in stems]
    return found


def no_inputs(root: Path) -> set[Path]:
    """Returns the folders, at any depth, of masks beside one of images and of predictions: nothing to predict."""
    places = list(walked(root))
    return _mask_folders(places) | predictions_among(places)


def _mask_folders(places: Iterable[Place]) -> set[Path]:
    return {
        one
        for _, inside, _ in places
        if any(other.name.lower() in IMAGE_FOLDERS for other in inside)
        for one in inside
        if one.name.lower() in MASK_FOLDERS
    }
