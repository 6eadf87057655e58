"""Images and masks matched by name, and a table of what does not match."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from autosam.core.checks import nearest
from autosam.core.errors import DataError
from autosam.data.walk import natural, without_suffix

MASK_ENDING = re.compile(r"_(mask|anno|gt|seg|segmentation)$", re.IGNORECASE)
"""What may follow an image's name in that of its mask."""

_CHANNEL = re.compile(r"_\d{4}$")
_ROWS = 12


@dataclass(frozen=True, slots=True)
class Match:
    """One image with its mask under their common name."""

    name: str
    image: Path
    mask: Path


def match(images: dict[str, Path], masks: dict[str, Path], root: Path, unread: Iterable[str] = ()) -> list[Match]:
    """Pairs images and masks by name, in natural order of the names.

    The extension is not part of a name; a mask may carry an ending such as `_mask`; an image may carry the four digits
    of a channel (`x_0000`) that its mask has not.

    Args:
        images: path of each image by its name with extension, relative to a folder that images and masks share.
        masks: the same for masks.
        root: the data folder that a fault is reported of.
        unread: the same names of files of formats that are not read, one of which may be what is missing.

    Raises:
        DataError: on an unpaired or doubled name, with a table of them and the nearest names.
    """
    pictures, labels = _by_stem(images), _by_stem(masks)
    names_of_key: dict[str, list[str]] = defaultdict(list)
    for stem, names in labels.items():
        names_of_key[_mask_key(stem, pictures)] += names
    found: dict[str, list[str]] = defaultdict(list)
    free: list[str] = []
    for stem in pictures:
        plain = _CHANNEL.sub("", stem)
        key = stem if stem in names_of_key else plain if plain in names_of_key and plain not in pictures else None
        if key is None:
            free.append(stem)
        else:
            found[key].append(stem)
    bare = [name for key, names in names_of_key.items() if key not in found for name in names]

    rows = []
    loose = [name for stem in free for name in pictures[stem]]
    strange = {_bare(name): name for name in unread} if loose or bare else {}
    rows += [_unpaired("image", name, "mask", bare or list(masks), strange) for name in loose[:_ROWS]]
    rows += [_unpaired("mask ", name, "image", loose or list(images), strange) for name in bare[:_ROWS]]
    doubled = 0
    for key, stems in found.items():
        both = [name for stem in stems for name in pictures[stem]], names_of_key[key]
        for what, names in zip(("images", "masks"), both, strict=True):
            if len(names) > 1:
                doubled += 1
                rows.append(f"{what} {', '.join(names)}: one name {key!r}, one of them too many")
    if rows:
        raise _faults(root, len(loose), len(bare), doubled, rows)
    return sorted(
        (Match(key, images[pictures[stems[0]][0]], masks[names_of_key[key][0]]) for key, stems in found.items()),
        key=lambda pair: natural(pair.name),
    )


def _by_stem(files: Iterable[str]) -> dict[str, list[str]]:
    stems: dict[str, list[str]] = defaultdict(list)
    for name in sorted(files, key=natural):
        stems[without_suffix(name)].append(name)
    return dict(stems)


def _mask_key(stem: str, pictures: dict[str, list[str]]) -> str:
    return stem if stem in pictures else MASK_ENDING.sub("", stem)


def _bare(name: str) -> str:
    """Returns a name without suffixes, of a volume too, and without the ending of a mask."""
    return MASK_ENDING.sub("", name.removesuffix(Path(name).suffix).removesuffix(".nii"))


def _unpaired(what: str, name: str, other: str, names: list[str], strange: dict[str, str]) -> str:
    if _bare(name) in strange:
        return f"{what} {name}: no {other}; {strange[_bare(name)]} is of a format that is not read"
    by_stem = {without_suffix(candidate): candidate for candidate in names}
    near = nearest(without_suffix(name), by_stem, most=1)
    hint = f"nearest {other}: {by_stem[near[0]]}" if near else f"no {other} has a like name"
    return f"{what} {name}: no {other}; {hint}"


def _faults(root: Path, images: int, masks: int, doubled: int, rows: list[str]) -> DataError:
    counts = ((images, "image", "without a mask"), (masks, "mask", "without an image"), (doubled, "doubled name", ""))
    said = [f"{n} {what}{'s' if n > 1 else ''} {lack}".rstrip() for n, what, lack in counts if n]
    rest = images + masks + doubled - len(rows[:_ROWS])
    table = "".join(f"\n  {row}" for row in rows[:_ROWS]) + (f"\n  and {rest} more" if rest > 0 else "")
    return DataError(
        ", ".join(said),
        file=root,
        cure=f"Rename or remove these, or list the pairs in a CSV with the columns image,mask:{table}",
    )
