"""Every image and truth of a copy read once before anything is scored, and images compared by content."""

from __future__ import annotations

import os
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from autosam.benchmarks.benchmark import Benchmark, Copy, Item
from autosam.benchmarks.layout import listed
from autosam.core.errors import AutoSAMError, DataError
from autosam.core.progress import Progress
from autosam.data.images import content_hash, read_image
from autosam.evaluation.seen import seen_by

_SHOWN = 6


@dataclass(frozen=True, slots=True)
class Contents:
    """What reading a copy showed.

    Attributes:
        images: content hash of each image, by the item's id.
        notes: what was left out of truths, a sentence each.
    """

    images: Mapping[str, str]
    notes: tuple[str, ...]


def read_contents(benchmark: Benchmark, copy: Copy, progress: Progress) -> Contents:
    """Reads every image and truth, and holds their sizes together.

    Raises:
        DataError: naming the files that cannot be used; or two images of one and the same numbered truth.
    """
    items = (*copy.train, *copy.test)
    progress.start("checking images and truths", len(items))
    images: dict[str, str] = {}
    truths: dict[str, Item] = {}
    notes: list[str] = []
    faults: list[AutoSAMError] = []
    with ThreadPoolExecutor(min(4, os.cpu_count() or 1)) as pool:
        for item, read in zip(items, pool.map(lambda item: _read(benchmark, item), items), strict=True):
            progress.advance()
            if isinstance(read, AutoSAMError):
                faults.append(read)
                continue
            images[item.id], truth, said = read
            notes += said
            other = truths.setdefault(truth, item)
            if benchmark.kind == "instances" and other is not item and images.get(other.id) != images[item.id]:
                faults.append(
                    DataError(
                        f"it is the same as {other.truth.name}, the truth of another image",
                        file=item.truth,
                        cure="One of them stands in the other's place: copy both again from the official files",
                    )
                )
    if len(faults) == 1:
        raise faults[0]
    if faults:
        rows = "".join(f"\n  {fault.message}" for fault in faults[:_SHOWN])
        more = f"\n  and {len(faults) - _SHOWN} more" if len(faults) > _SHOWN else ""
        raise DataError(f"{len(faults)} of {len(items)} images cannot be used:{rows}{more}", file=copy.root)
    return Contents(images, tuple(notes))


def in_both(copy: Copy, contents: Contents) -> list[tuple[str, str]]:
    """Returns the ids of a training and a test image for every test image that has a training image's content."""
    train = {contents.images[item.id]: item.id for item in copy.train}
    return [(train[key], item.id) for item in copy.test if (key := contents.images[item.id]) in train]


def refuse_duplicates(copy: Copy, contents: Contents, *, allowed: bool) -> list[str]:
    """Looks for test images among the copy's training images.

    Returns:
        A mark for the tables, where there are some and they are allowed.

    Raises:
        DataError: where they are not.
    """
    pairs = in_both(copy, contents)
    if not pairs:
        return []
    named = listed(f"{test} = {train}" for train, test in pairs)
    if not allowed:
        raise DataError(
            f"{len(pairs)} test images stand in the training part by content: {named}",
            file=copy.root,
            cure="Take them out of one part; --allow-duplicates scores them all the same and marks every table",
        )
    return [f"DUPLICATES: {len(pairs)} test images stand in the training part by content ({named})"]


def refuse_seen(run: Path, copy: Copy, contents: Contents, *, allowed: bool) -> list[str]:
    """Looks for test images among those that a run recorded as seen: trained, validated or quantised on.

    Returns:
        A mark for the tables: where there are some and they are allowed, or where the run has no such record.

    Raises:
        DataError: where there are some and they are not allowed.
    """
    seen = seen_by(run)
    if seen is None:
        return ["TRAINING IMAGES UNKNOWN: data.json is missing in the run, so that nobody can say what it has seen"]
    both = [(item.id, seen[key]) for item in copy.test if (key := contents.images[item.id]) in seen]
    if not both:
        return []
    named = listed(f"{test} = {other}" for test, other in both)
    if not allowed:
        raise DataError(
            f"{len(both)} test images are among those that the run has seen: {named}",
            file=run,
            cure="Score a run that has not seen them; --allow-duplicates scores them and marks every table",
        )
    return [f"SEEN IN TRAINING: the run has seen {len(both)} of the test images ({named})"]


def _read(benchmark: Benchmark, item: Item) -> tuple[str, str, tuple[str, ...]] | AutoSAMError:
    try:
        image = read_image(item.image)
        labels, notes = benchmark.read_truth(item.truth, (image.shape[0], image.shape[1]))
        check_size(item, labels.shape, image.shape)
        return content_hash(image), content_hash(labels), notes
    except AutoSAMError as fault:
        return fault


def check_size(item: Item, truth: tuple[int, ...], image: tuple[int, ...]) -> None:
    """Holds the (height, width) of a truth to that of its image.

    Raises:
        DataError: with both sizes.
    """
    if truth[:2] != image[:2]:
        raise DataError(
            f"the truth is {truth[1]} x {truth[0]} pixels, its image {item.image.name} {image[1]} x {image[0]}",
            file=item.truth,
            cure="It belongs to another image, or one of them was resized: put both official files in their place",
        )
