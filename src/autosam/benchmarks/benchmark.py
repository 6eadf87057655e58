"""What a benchmark is, as data, and what a folder on disk holds of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt

from autosam.benchmarks.view import View

Labels = npt.NDArray[np.integer]
Kind = Literal["instances", "saliency"]


@dataclass(frozen=True, slots=True)
class Split:
    """One official part of a benchmark.

    Attributes:
        name: as it stands in tables.
        count: the official number of images, or of clips; None where only that of a union is published.
        unit: what is counted.
    """

    name: str
    count: int | None
    unit: Literal["images", "clips"] = "images"


@dataclass(frozen=True, slots=True)
class Union:
    """Several test splits scored together.

    Attributes:
        name: as it stands in tables.
        of: the splits' names.
        count: the official number in all; None where it is the sum of theirs.
    """

    name: str
    of: tuple[str, ...]
    count: int | None = None


@dataclass(frozen=True, slots=True)
class Item:
    """One image of a copy, with its truth.

    Attributes:
        id: the case's name; predictions in a folder are found by it.
        split: "train", or the name of a test split.
        image: path of the image.
        truth: path of the mask or annotation.
        group: what is not independent (patient, clip); None where unknown.
        clip: the video clip it is a frame of, frames being in order; None for a still image.
    """

    id: str
    split: str
    image: Path
    truth: Path
    group: str | None = None
    clip: str | None = None


@dataclass(frozen=True, slots=True)
class Copy:
    """What a folder holds of a benchmark.

    Attributes:
        root: the folder.
        train: the training images; empty where they are not there.
        test: the test images, split after split; at least one.
        notes: what differs from the official copy beside counts and formats, a sentence each without its full stop.
    """

    root: Path
    train: tuple[Item, ...]
    test: tuple[Item, ...]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Benchmark:
    """A public benchmark.

    Attributes:
        name: as the command line knows it.
        title: as people write it.
        licence: of its images.
        citation: the paper to cite.
        source: where to get it.
        layout: the official folders and files, one line.
        protocol: the official one, one line.
        train: the training part.
        splits: the test parts.
        unions: test parts scored together beside each for itself; the last one is all of them where there are several.
        kind: "instances" where the truth numbers objects, "saliency" where it is a mask scored at many thresholds.
        foreground: rule that makes a truth binary, as `autosam.data.foreground` reads it.
        image_suffix: official suffix of images.
        truth_suffix: official suffix of masks or annotations.
        find: reads the layout of a folder.
        read_truth: from a truth's path and its image's (height, width) to a label map (H, W), and what was left out.
        views: how it is scored, by name.
        training: choices of a training on it, where the user gives none.
    """

    name: str
    title: str
    licence: str
    citation: str
    source: str
    layout: str
    protocol: str
    train: Split
    splits: tuple[Split, ...]
    unions: tuple[Union, ...]
    kind: Kind
    foreground: str
    image_suffix: str
    truth_suffix: str
    find: Callable[[Path], Copy]
    read_truth: Callable[[Path, tuple[int, int]], tuple[Labels, tuple[str, ...]]]
    views: Mapping[str, View]
    training: Mapping[str, str] = field(default_factory=dict)

    def parts(self) -> dict[str, tuple[str, ...]]:
        """Returns the splits that make up each row of a table: every test split, then every union."""
        return {split.name: (split.name,) for split in self.splits} | {union.name: union.of for union in self.unions}
