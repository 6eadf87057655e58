"""A data folder looked over before training: pairs, sizes, values, share of foreground, faults with their cure."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from autosam.core.errors import DataError
from autosam.core.sample import Sample
from autosam.core.words import counted, first_of
from autosam.data.dataset import check_sizes
from autosam.data.folder import Pair, find_pairs
from autosam.data.foreground import Foreground, Marks, value_counts
from autosam.data.images import content_hash, orientation, read_image, read_mask
from autosam.data.overlay import overlay
from autosam.data.sheet import Tile, draw_sheet

_PICTURED = 12
_LISTED_VALUES = 12


@dataclass(frozen=True, slots=True)
class CaseCheck:
    """What is known of one pair.

    Attributes:
        id: the case's name.
        image: its file.
        mask: its mask's file; None for none.
        group: its group; None where unknown.
        size: height and width in pixels; None where the image cannot be read.
        values: pixels by value of the mask.
        share: of the image that is foreground, 0..1; None where the rule does not settle it.
        fault: what is wrong and the cure, one line; None for nothing.
    """

    id: str
    image: Path
    mask: Path | None
    group: str | None
    size: tuple[int, int] | None = None
    values: dict[int, int] = field(default_factory=dict)
    share: float | None = None
    fault: str | None = None

    def as_dict(self) -> dict[str, Any]:
        """Returns the row for JSON; past 12 values of the mask, the commonest."""
        common = sorted(self.values, key=lambda value: (-self.values[value], value))[:_LISTED_VALUES]
        return {
            "id": self.id,
            "image": str(self.image),
            "mask": None if self.mask is None else str(self.mask),
            "group": self.group,
            "height": None if self.size is None else self.size[0],
            "width": None if self.size is None else self.size[1],
            "values": {str(value): self.values[value] for value in sorted(common)},
            "value_count": len(self.values),
            "share": self.share,
            "fault": self.fault,
        }


@dataclass(frozen=True, slots=True)
class DataCheck:
    """What is known of a data folder or table.

    Attributes:
        root: the folder or table.
        foreground: the rule it was looked at with.
        cases: one a pair.
        ignored: folders and files that take no part.
        notes: what else the user should know, a sentence each.
    """

    root: Path
    foreground: Foreground
    cases: tuple[CaseCheck, ...]
    ignored: tuple[str, ...]
    notes: tuple[str, ...]

    @property
    def faults(self) -> tuple[CaseCheck, ...]:
        """The cases that cannot be used as they are."""
        return tuple(case for case in self.cases if case.fault is not None)

    def as_dict(self) -> dict[str, Any]:
        """Returns everything for JSON."""
        return {
            "root": str(self.root),
            "foreground": self.foreground.text,
            "pairs": len(self.cases),
            "faults": len(self.faults),
            "ignored": list(self.ignored),
            "notes": list(self.notes),
            "cases": [case.as_dict() for case in self.cases],
        }


def check_data(root: Path, *, foreground: Foreground | None = None, group: str | None = None) -> DataCheck:
    """Reads every pair below a folder, or of a CSV, and says what is there and what is wrong.

    Faults of one case are in its row; the others are looked at all the same.

    Raises:
        DataError: where there are no pairs, or names do not pair (see `find_pairs`).
        UsageError: where `group` is no regular expression.
    """
    rule = foreground or Foreground()
    pairing = find_pairs(root, group=group)
    marks = Marks()
    hashes: dict[str, list[str]] = defaultdict(list)
    notes = list(pairing.notes)
    cases = [_check_case(pair, rule, marks, hashes, notes) for pair in pairing.pairs]
    return DataCheck(root, rule, tuple(cases), pairing.ignored, (*notes, *_notes(cases, hashes)))


def picture(check: DataCheck, path: Path) -> None:
    """Writes a PNG with up to 12 sound pairs, spread over the list, their masks outlined.

    Raises:
        DataError: where no pair is sound, or one of them has changed since.
        ResourceError: where the disk is full.
    """
    sound = [case for case in check.cases if case.fault is None]
    if not sound:
        raise DataError("no pair can be shown: each has a fault", file=check.root, cure="Mend the faults listed")
    count = min(_PICTURED, len(sound))
    chosen = [sound[index * len(sound) // count] for index in range(count)]
    shares = [case.share for case in sound if case.share is not None]
    mean = f"{np.mean(shares):.1%} foreground on average" if shares else "no masks"
    title = f"{len(check.cases)} pairs   ·   {mean}"
    if check.faults:
        title += f"   ·   {len(check.faults)} with faults, not shown"
    draw_sheet([_tile(case, check.foreground) for case in chosen], str(check.root), title, path)


def _check_case(
    pair: Pair, rule: Foreground, marks: Marks, hashes: dict[str, list[str]], notes: list[str]
) -> CaseCheck:
    size: tuple[int, int] | None = None
    values: dict[int, int] = {}
    share: float | None = None
    fault: str | None = None
    try:
        image = read_image(pair.image)
        size = Sample(pair.id, image, file=pair.image).size
        hashes[content_hash(image)].append(pair.id)
        if pair.mask is not None:
            labels = read_mask(pair.mask)
            values = value_counts(labels)
            check_sizes(pair, image, labels)
            notes += _turned(pair, pair.mask)
            share = float(rule.binary(labels, pair.mask).mean())
            if rule.test == "auto":
                marks.add(labels, pair.mask)
    except DataError as error:
        fault = error.message
    return CaseCheck(pair.id, pair.image, pair.mask, pair.group, size, values, share, fault)


def _turned(pair: Pair, mask: Path) -> list[str]:
    turns = orientation(pair.image), orientation(mask)
    if turns[0] == turns[1]:
        return []
    return [
        f"{pair.id}: the image has EXIF orientation {turns[0]} and the mask {turns[1]}; each is turned by its own: "
        "see in the picture whether they fit"
    ]


def _notes(cases: list[CaseCheck], hashes: dict[str, list[str]]) -> list[str]:
    notes = [f"The same image more than once: {', '.join(ids)}" for ids in hashes.values() if len(ids) > 1]
    settled = [case for case in cases if case.share is not None and case.fault is None]
    for name, value in (("empty", 0.0), ("full", 1.0)):
        alike = [case.id for case in settled if case.share == value]
        if alike:
            said = first_of(alike, 6)
            notes.append(f"{len(alike)} of {len(cases)} masks {'is' if len(alike) == 1 else 'are'} {name}: {said}")
    groups = Counter(case.group for case in cases if case.group is not None)
    if groups:
        least, most = min(groups.values()), max(groups.values())
        sizes = counted(most, "case") if least == most else f"{least} to {counted(most, 'case')}"
        notes.append(f"{counted(len(groups), 'group')} of {sizes}")
    return notes


def _tile(case: CaseCheck, rule: Foreground) -> Tile:
    image = read_image(case.image)
    rgb: npt.NDArray[np.uint8] = Sample(case.id, image, file=case.image).rgb()
    detail = f"{rgb.shape[1]} x {rgb.shape[0]}"
    if case.mask is None:
        return Tile(case.id, detail, rgb)
    mask = rule.binary(read_mask(case.mask), case.mask)
    detail += f"   {mask.mean():.1%}"
    # Outlines keep their width on the sheet if it grows with the picture that will be made smaller.
    width = max(1.3, 2.0 * math.sqrt(rgb.shape[0] * rgb.shape[1]) / 300)
    return Tile(case.id, detail, overlay(rgb, mask, width=width))
