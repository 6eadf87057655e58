"""A data set's images cut into tiles, each of them a case of its own."""

from __future__ import annotations

import hashlib
from collections import Counter, OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from autosam.core.grid import Grid, Window
from autosam.core.sample import Sample
from autosam.data.dataset import Dataset

EMPTY_SHARE = 0.2
"""The largest share of the tiles that have no foreground, where any has some."""

_MEMORY = 256 << 20


@dataclass(frozen=True, slots=True)
class Crop:
    """A tile of a data set.

    Attributes:
        case: index of its image.
        window: where it lies there.
        empty: whether it has no foreground.
        id: NAME@x,y by the image's name and the tile's left and top.
    """

    case: int
    window: Window
    empty: bool
    id: str


def cut(data: Dataset, tile: int) -> tuple[Crop, ...]:
    """Returns all tiles of a data set in the order of its images, each row by row.

    Args:
        data: the cases; their masks are read.
        tile: side of a tile in pixels.

    Raises:
        DataError: on a mask that cannot be read or used.
    """
    found = []
    for case, name in enumerate(data.ids):
        labels = data.labels(case)
        height, width = labels.shape if labels.size else data.read(case).size
        for window in Grid(height, width, tile).windows:
            empty = not labels[window.area].any()
            found.append(Crop(case, window, empty, f"{name}@{window.left},{window.top}"))
    return tuple(found)


def choose_crops(crops: Sequence[Crop], most: int | None, seed: int, *, empty: float = EMPTY_SHARE) -> tuple[Crop, ...]:
    """Returns the tiles to train on, in the order given; which ones depends on the arguments alone.

    Args:
        crops: all tiles.
        most: how many at most, in like parts of all images; None for no bound.
        seed: decides which.
        empty: share of the chosen tiles that may be without foreground; where no tile has some, all of them.
    """
    drawn = sorted(crops, key=lambda crop: hashlib.sha256(f"{seed} {crop.id}".encode()).digest())
    full = [crop for crop in drawn if not crop.empty]
    if full:
        room = int(len(full) * empty / (1 - empty))
        if most is not None:
            room = min(room, int(most * empty))
        drawn = _turns(full) + _turns([crop for crop in drawn if crop.empty])[:room]
    chosen = set(_turns(drawn)[:most])
    return tuple(crop for crop in crops if crop in chosen)


class Crops:
    """The tiles of a data set, read when they are asked for.

    Args:
        data: the images.
        crops: the tiles, those of an image best one after another: images read last are kept, up to 256 MiB of them.
    """

    def __init__(self, data: Dataset, crops: Sequence[Crop]) -> None:
        self.data = data
        self.crops = tuple(crops)
        self._kept: OrderedDict[int, Sample] = OrderedDict()

    def __len__(self) -> int:
        return len(self.crops)

    @property
    def ids(self) -> tuple[str, ...]:
        """The tiles' names."""
        return tuple(crop.id for crop in self.crops)

    def file(self, index: int) -> Path:
        """Returns the file of the image that a tile is cut from."""
        return self.data.file(self.crops[index].case)

    def read(self, index: int) -> Sample:
        """Reads one tile, RGB, with its boolean mask, its image's group and file.

        Raises:
            DataError: as `Dataset.read`.
        """
        crop = self.crops[index]
        whole, area = self._whole(crop.case), crop.window.area
        mask = None if whole.mask is None else whole.mask[area]
        return Sample(
            crop.id, np.ascontiguousarray(whole.image[area]), mask, whole.spacing, group=whole.group, file=whole.file
        )

    def _whole(self, case: int) -> Sample:
        if case in self._kept:
            self._kept.move_to_end(case)
            return self._kept[case]
        sample = self.data.read(case)
        # Deep images become 8 bit by their own extremes, not by each tile's: so that prediction sees the same.
        whole = Sample(sample.id, sample.rgb(), sample.mask, sample.spacing, group=sample.group, file=sample.file)
        self._kept[case] = whole
        while len(self._kept) > 1 and sum(map(_bytes, self._kept.values())) > _MEMORY:
            self._kept.popitem(last=False)
        return whole


def _bytes(sample: Sample) -> int:
    return sample.image.nbytes + (0 if sample.mask is None else sample.mask.nbytes)


def _turns(crops: Sequence[Crop]) -> list[Crop]:
    """Returns the tiles in turns: the first ones of all images, then the second ones, and so on."""
    seen: Counter[int] = Counter()
    turns = []
    for crop in crops:
        turns.append(seen[crop.case])
        seen[crop.case] += 1
    return [crop for _, crop in sorted(zip(turns, crops, strict=True), key=lambda pair: pair[0])]
