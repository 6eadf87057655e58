"""Pairs read one at a time, split by groups, compared by content."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from autosam.core.errors import DataError
from autosam.core.sample import Sample
from autosam.data.folder import Pair
from autosam.data.foreground import Foreground, Marks
from autosam.data.images import content_hash, orientation, read_image, read_mask


class Source(Protocol):
    """What a training reads its cases from."""

    def __len__(self) -> int:
        """Returns the number of cases."""
        ...

    @property
    def ids(self) -> tuple[str, ...]:
        """The cases' names."""
        ...

    def file(self, index: int) -> Path:
        """Returns the file of a case's image."""
        ...

    def read(self, index: int) -> Sample:
        """Reads one case; its mask is boolean."""
        ...


class Dataset:
    """Cases read from disk when they are asked for.

    Args:
        pairs: images and masks.
        foreground: the rule that makes a label map boolean.
    """

    def __init__(self, pairs: Sequence[Pair], foreground: Foreground) -> None:
        self.pairs = tuple(pairs)
        self.foreground = foreground
        self._marks = Marks()

    def __len__(self) -> int:
        return len(self.pairs)

    def __iter__(self) -> Iterator[Sample]:
        return (self.read(index) for index in range(len(self)))

    @property
    def ids(self) -> tuple[str, ...]:
        """The cases' names."""
        return tuple(pair.id for pair in self.pairs)

    @property
    def groups(self) -> tuple[str | None, ...]:
        """Each case's group; None where unknown."""
        return tuple(pair.group for pair in self.pairs)

    def file(self, index: int) -> Path:
        """Returns the file of a case's image."""
        return self.pairs[index].image

    def read(self, index: int) -> Sample:
        """Reads one case; its mask is boolean under the foreground rule.

        Raises:
            DataError: on a file that cannot be read, an image and a mask of different sizes, a mask that the rule does
                not settle, or a mark of foreground that contradicts that of a mask read before.
        """
        pair = self.pairs[index]
        image = read_image(pair.image)
        mask = None
        if pair.mask is not None:
            labels = read_mask(pair.mask)
            check_sizes(pair, image, labels)
            mask = self.foreground.binary(labels, pair.mask)
            if self.foreground.test == "auto":
                self._marks.add(labels, pair.mask)
        return Sample(pair.id, image, mask, group=pair.group, file=pair.image)

    def labels(self, index: int) -> npt.NDArray[Any]:
        """Reads one case's label map (H, W), 0 where the foreground rule says background.

        Labels are those of the file, whether they number instances, classes or nothing; no pixel, (0, 0), for no mask.

        Raises:
            DataError: on a file that cannot be read, or a mask that the rule does not settle.
        """
        mask = self.pairs[index].mask
        if mask is None:
            return np.zeros((0, 0), np.uint8)
        labels = read_mask(mask)
        chosen = self.foreground.binary(labels, mask)
        # A rule may well say that 0 is foreground.
        return np.where(chosen, labels, 0) if bool((labels[chosen] != 0).all()) else chosen

    def part(self, indices: Sequence[int]) -> Dataset:
        """Returns the cases of `indices`; what was learnt of the masks' marks stays common."""
        return self.beside([self.pairs[index] for index in indices])

    def beside(self, pairs: Sequence[Pair]) -> Dataset:
        """Returns other cases by the same rule; what was learnt of the masks' marks is common."""
        others = Dataset(pairs, self.foreground)
        others._marks = self._marks
        return others


def check_sizes(pair: Pair, image: npt.NDArray[np.generic], labels: npt.NDArray[np.generic]) -> None:
    """Holds a label map (H, W) to the size of its image; nothing is resized.

    Raises:
        DataError: with both sizes and files, and what EXIF has to do with it.
    """
    if labels.shape == image.shape[:2]:
        return
    (high, wide), (tall, broad) = image.shape[:2], labels.shape
    cure = "Save both at the same size; nothing is resized silently"
    if pair.mask is not None and (tall, broad) == (wide, high):
        turns = orientation(pair.image), orientation(pair.mask)
        if turns[0] != turns[1]:
            cure = (
                f"The image has EXIF orientation {turns[0]} and the mask {turns[1]}, and each is turned by its own: "
                "turn the pixels of the one whose tag is wrong and save it without the tag"
            )
    raise DataError(
        f"the mask is {broad} x {tall} pixels, its image {pair.image} {wide} x {high}", file=pair.mask, cure=cure
    )


def split(dataset: Dataset, share: float, seed: int) -> tuple[Dataset, Dataset]:
    """Splits into training and validation; a group is never on both sides.

    Which group goes where depends on the seed and the names only, not on the order or the content of files.

    Args:
        dataset: what to split.
        share: of the cases that go to validation, 0 to below 1; at least one case is on each side where there are two.
        seed: chooses the groups.

    Returns:
        The training and the validation part, each in the data set's order; no validation case where there is but one
        case or the share is 0.

    Raises:
        DataError: where all cases are of one group.
        ValueError: where the share is not in [0, 1).
    """
    if not 0 <= share < 1:
        raise ValueError(f"the validation share must be 0 to below 1, not {share}")
    if share == 0 or len(dataset) < 2:
        return dataset, dataset.part([])
    members: dict[tuple[str, str], list[int]] = defaultdict(list)
    for index, pair in enumerate(dataset.pairs):
        members[("case", pair.id) if pair.group is None else ("group", pair.group)].append(index)
    if len(members) < 2:
        raise DataError(
            f"all {len(dataset)} cases are of one group {dataset.pairs[0].group!r}, so none can be held back for "
            "validation",
            cure="Give other cases as --val-data, or change --group",
        )
    units = sorted(members, key=lambda unit: hashlib.sha256("\0".join((str(seed), *unit)).encode()).digest())
    chosen = _choose([len(members[unit]) for unit in units], share * len(dataset))
    held = {index for unit, taken in zip(units, chosen, strict=True) if taken for index in members[unit]}
    everyone = range(len(dataset))
    return dataset.part([i for i in everyone if i not in held]), dataset.part([i for i in everyone if i in held])


def duplicates(a: Dataset, b: Dataset) -> list[tuple[str, str]]:
    """Returns the ids of images with equal pixels, one of `a` and one of `b`; within one data set, each pair once."""
    places: dict[str, list[int]] = defaultdict(list)
    for index, pair in enumerate(a.pairs):
        places[_hash(pair.image)].append(index)
    if a is b:
        return [
            (a.pairs[i].id, a.pairs[j].id)
            for alike in places.values()
            for n, i in enumerate(alike)
            for j in alike[n + 1 :]
        ]
    return [(a.pairs[index].id, pair.id) for pair in b.pairs for index in places.get(_hash(pair.image), ())]


def _choose(sizes: list[int], target: float) -> list[bool]:
    """Takes units in order while each brings the number of cases nearer to the target; at least one, never all.

    Units past half of the target come last: a validation part of one patient says little of the others.
    """
    target = max(1.0, target)
    total, taken = 0, [False] * len(sizes)
    small = [index for index, size in enumerate(sizes) if size <= max(1.0, target / 2)]
    for index in small + [index for index in range(len(sizes)) if index not in set(small)]:
        size = sizes[index]
        taken[index] = abs(total + size - target) < abs(total - target) and total + size < sum(sizes)
        total += size * taken[index]
    if not any(taken):
        taken[min(range(len(sizes)), key=sizes.__getitem__)] = True
    return taken


def _hash(file: Path) -> str:
    return content_hash(read_image(file))
