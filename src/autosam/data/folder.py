"""A data folder's pairs of image and mask."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from autosam.core.errors import DataError, UsageError
from autosam.core.words import counted
from autosam.data.matching import MASK_ENDING, match
from autosam.data.predicted import predictions_among
from autosam.data.table import notes_on_masks, read_table
from autosam.data.unread import note_on_unread, unread_below
from autosam.data.walk import (
    children,
    distinct,
    folders_below,
    images_below,
    is_image,
    name_below,
    natural,
    walked,
    without_suffix,
)

IMAGE_FOLDERS = frozenset({"images", "img", "image"})
MASK_FOLDERS = frozenset({"masks", "mask", "labels", "label", "gt"})


@dataclass(frozen=True, slots=True)
class Pair:
    """One image with its mask.

    Attributes:
        id: the case's name: its path below the data folder without extension, "/" between folders.
        image: path of the image.
        mask: path of the mask; None for none.
        group: what must not straddle a split; None where unknown.
    """

    id: str
    image: Path
    mask: Path | None
    group: str | None = None


@dataclass(frozen=True, slots=True)
class Pairing:
    """What a data folder or table holds.

    Attributes:
        pairs: in natural order of their ids; those of a table in its order.
        ignored: folders and files that take no part, relative to the data folder.
        notes: what else the user should know, a sentence each.
    """

    pairs: tuple[Pair, ...]
    ignored: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def find_pairs(root: Path, *, group: str | None = None) -> Pairing:
    """Finds the pairs below a folder, or in a CSV.

    A folder has image and mask folders beside one another at any depth (`images` or `img`, `image`; `masks` or `mask`,
    `labels`, `label`, `gt`), whose files pair by name; or else each mask lies beside its image as `x_mask`, `x_anno`,
    `x_gt` or `x_seg`. A CSV has the columns image, mask and optionally group.

    Args:
        root: the folder or the CSV.
        group: regular expression searched in every id; its first group, or the whole match, is the case's group.

    Raises:
        DataError: where there are no pairs, or names that do not pair or are doubled: with a table of them.
        UsageError: where `group` is no regular expression.
    """
    if root.is_file():
        pairing = _of_table(root, group)
    elif root.is_dir():
        pairing = _of_folder(root)
    else:
        raise DataError("there is no such folder or table", file=root, cure="Check the path")
    return pairing if group is None else _grouped(pairing, group, root)


def _of_table(file: Path, group: str | None) -> Pairing:
    rows, others = read_table(file)
    ids = distinct([(without_suffix(row.name), row.name) for row in rows])
    pairs = tuple(Pair(name, row.image, row.mask, row.group) for name, row in zip(ids, rows, strict=True))
    notes = notes_on_masks(rows)
    if others:
        note = f"{file.name}: of its columns {', '.join(others)} take no part"
        if group is None and all(pair.group is None for pair in pairs):
            note += (
                "; one that names patients, clips or slides must be called group to keep those on one side of a split"
            )
        notes.append(note)
    return Pairing(pairs, notes=tuple(notes))


def _of_folder(root: Path) -> Pairing:
    couples: list[tuple[Path, Path]] = []
    ignored: list[str] = []
    places = list(walked(root))
    # Of a folder of predictions that is given itself the masks may be a truth.
    made = predictions_among(places) - {root}
    _collect(root, root, couples, ignored, made, ())
    pairs = [pair for images, masks in couples for pair in _of_couple(root, images, masks, made)]
    if not couples:
        pairs, ignored = _flat(root, made)
    ignored += [f"{name_below(folder, root)}/ (predictions)" for folder in sorted(made)]
    if not pairs:
        raise _nothing(root, empty=bool(couples))
    doubled = [name for name, count in Counter(pair.id for pair in pairs).items() if count > 1]
    if doubled:
        raise DataError(
            f"{len(doubled)} names are doubled: {', '.join(doubled[:12])}",
            file=root,
            cure="Give one of the folders alone",
        )
    pairs.sort(key=lambda pair: natural(pair.id))
    sides = {side for couple in couples for side in couple}
    inside = (
        file
        for folder, _, files in places
        if not sides or not sides.isdisjoint((folder, *folder.parents))
        for file in files
    )
    note = note_on_unread(inside)
    return Pairing(tuple(pairs), tuple(ignored), () if note is None else (note,))


def _collect(
    folder: Path,
    root: Path,
    couples: list[tuple[Path, Path]],
    ignored: list[str],
    made: set[Path],
    above: tuple[Path, ...],
) -> None:
    """Gathers the couples of image and mask folders at any depth, and whatever holds none."""
    if folder.resolve() in above:
        return
    folders, files = children(folder)
    images = [child for child in folders if child.name.lower() in IMAGE_FOLDERS]
    masks = [child for child in folders if child.name.lower() in MASK_FOLDERS]
    coupled = bool(images and masks)
    if coupled and len(images) + len(masks) > 2:
        names = ", ".join(child.name for child in images + masks)
        raise DataError(
            f"which folders belong together is not guessed: {names}",
            file=folder,
            cure="Leave one folder of images and one of masks, or list the pairs in a CSV with the columns image,mask",
        )
    if coupled:
        couples.append((images[0], masks[0]))
    for child in folders:
        if child in made or (coupled and child in (images[0], masks[0])):
            continue
        before = len(couples)
        inner: list[str] = []
        _collect(child, root, couples, inner, made, (*above, folder.resolve()))
        ignored += inner if len(couples) > before else [name_below(child, root) + "/"]
    ignored += [name_below(file, root) for file in files]


def _of_couple(root: Path, images: Path, masks: Path, made: set[Path]) -> Iterator[Pair]:
    place = name_below(images.parent, root)
    prefix = "" if place == "." else f"{place}/"
    pictures, labels = (
        {name_below(file, side): file for file in images_below(side) if made.isdisjoint(file.parents)}
        for side in (images, masks)
    )
    for found in match(pictures, labels, images.parent, unread_below(images, masks)):
        yield Pair(prefix + found.name, found.image, found.mask)


def _flat(root: Path, made: set[Path]) -> tuple[list[Pair], list[str]]:
    images: dict[str, Path] = {}
    masks: dict[str, Path] = {}
    ignored: list[str] = []
    for folder in folders_below(root):
        if folder in made or not made.isdisjoint(folder.parents):
            continue
        files = children(folder)[1]
        sides: dict[bool, list[Path]] = {True: [], False: []}
        for file in files:
            if is_image(file):
                sides[MASK_ENDING.search(file.stem) is not None].append(file)
        if folder != root and not sides[True]:
            ignored += [name_below(folder, root) + "/"] if files else []
            continue
        ignored += [name_below(file, root) for file in files if not is_image(file)]
        images |= {name_below(file, root): file for file in sides[False]}
        masks |= {name_below(file, root): file for file in sides[True]}
    if not masks:
        return [], ignored
    matches = match(images, masks, root, unread_below(root))
    return [Pair(found.name, found.image, found.mask) for found in matches], ignored


def _nothing(root: Path, *, empty: bool) -> DataError:
    count = len(images_below(root))
    note = note_on_unread(file for _, _, files in walked(root) for file in files)
    strange = f". {note}" if note else ""
    if not count:
        cure = "Give a folder with images/ and masks/, or a CSV"
        return DataError(f"there are no images in it{strange}", file=root, cure=cure)
    if root.name.lower() in IMAGE_FOLDERS | MASK_FOLDERS and not empty:
        return DataError("this is only one side of the pairs", file=root, cure=f"Give the folder above: {root.parent}")
    return DataError(
        f"it has {counted(count, 'image')} and no masks for them{strange}",
        file=root,
        cure="Put images into images/ and masks of the same names into masks/, or masks beside images as "
        "NAME_mask.png, or give a CSV with the columns image,mask",
    )


def _grouped(pairing: Pairing, group: str, root: Path) -> Pairing:
    search = _search(group)
    groups = [search(pair.id) for pair in pairing.pairs]
    without = [pair.id for pair, name in zip(pairing.pairs, groups, strict=True) if name is None]
    if without:
        raise DataError(
            f"the group expression {group!r} finds nothing in {len(without)} of {len(groups)} ids: "
            f"{', '.join(without[:6])}",
            file=root,
            cure="Change --group so that it matches every id",
        )
    pairs = (replace(pair, group=name) for pair, name in zip(pairing.pairs, groups, strict=True))
    return replace(pairing, pairs=tuple(pairs))


def _search(group: str) -> Callable[[str], str | None]:
    try:
        pattern = re.compile(group)
    except re.error as fault:
        raise UsageError(f"--group {group!r} is no regular expression ({fault})", cure="Mend it") from fault

    def search(name: str) -> str | None:
        found = pattern.search(name)
        return None if found is None else found[1 if pattern.groups else 0]

    return search
