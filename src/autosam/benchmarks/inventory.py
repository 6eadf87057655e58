"""What a copy has of the official parts, and what must stand above every table made with it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from autosam.benchmarks.benchmark import Benchmark, Copy, Item
from autosam.core.errors import DataError
from autosam.core.words import counted


@dataclass(frozen=True, slots=True)
class Part:
    """One official part as a copy has it.

    Attributes:
        name: of the split or union.
        have: how many images or clips are there.
        official: how many there should be; None where that is not published for this part alone.
        unit: "images" or "clips".
    """

    name: str
    have: int
    official: int | None
    unit: str

    def __str__(self) -> str:
        """Returns the part and its count as people read it."""
        of = "" if self.official is None else f" of {self.official}"
        return f"{self.name} {self.have}{of} {self.unit}"


def inventory(benchmark: Benchmark, copy: Copy) -> list[Part]:
    """Returns the training part, every test split and every union of a published count.

    Raises:
        DataError: where a test part has more than the official one: scores on it would not be the benchmark's.
    """
    parts = [Part("train", _count(copy.train, benchmark.train.unit), benchmark.train.count, benchmark.train.unit)]
    for split in benchmark.splits:
        have = _count((item for item in copy.test if item.split == split.name), split.unit)
        parts.append(Part(split.name, have, split.count, split.unit))
    unit = benchmark.splits[0].unit
    for union in benchmark.unions:
        if union.count is not None:
            have = _count((item for item in copy.test if item.split in union.of), unit)
            parts.append(Part(union.name, have, union.count, unit))
    over = [part for part in parts[1:] if part.official is not None and part.have > part.official]
    if over:
        raise DataError(
            f"more than the official test images: {', '.join(map(str, over))}",
            file=copy.root,
            cure=f"Take away what is not of {benchmark.title}. The official layout is {benchmark.layout}",
        )
    return parts


def marks(benchmark: Benchmark, copy: Copy, parts: Iterable[Part]) -> list[str]:
    """Returns what a reader must know of a copy before its numbers: other counts, other formats, other faults."""
    parts = list(parts)
    found = []
    known = [part for part in parts if part.official is not None]
    if any(part.have < (part.official or 0) for part in known):
        found.append(f"PARTIAL COPY: {', '.join(map(str, parts))}")
    if any(part.have > (part.official or 0) for part in known):
        found.append(f"OTHER COUNT: {', '.join(str(p) for p in known if p.have > (p.official or 0))}")
    items = (*copy.train, *copy.test)
    images = sum(item.image.suffix.lower() != benchmark.image_suffix for item in items)
    truths = sum(item.truth.suffix.lower() != benchmark.truth_suffix for item in items)
    if images or truths:
        official = f"official are {benchmark.image_suffix} and {benchmark.truth_suffix}"
        found.append(
            f"RE-ENCODED: {counted(images, 'image')} and {counted(truths, 'mask')} of {len(items):,} are of another "
            f"format; {official}"
        )
    if not copy.train:
        found.append("NO TRAINING PART: whether test images stand in it by content could not be looked at")
    return [*found, *(f"NOTE: {note}" for note in copy.notes)]


def _count(items: Iterable[Item], unit: str) -> int:
    return len({item.clip for item in items}) if unit == "clips" else sum(1 for _ in items)
