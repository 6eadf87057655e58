"""Every benchmark of the table in its official layout: found, counted, read."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from autosam.benchmarks.contents import in_both, read_contents
from autosam.benchmarks.inventory import inventory, marks
from autosam.benchmarks.names import BENCHMARKS
from autosam.benchmarks.sunseg import in_order
from autosam.core.errors import DataError
from autosam.core.progress import Silent
from autosam.data.foreground import Foreground
from autosam.data.images import read_image

Makers = dict[str, Callable[[Path], Path]]
NAMES = list(BENCHMARKS)
SPLITS = {
    "glas": {"train": 3, "A": 2, "B": 1},
    "monuseg": {"train": 3, "test": 2},
    "polyps": {"train": 3, "Kvasir": 2, "CVC-300": 1},
    "sunseg": {"train": 4, "easy-seen": 4, "easy-unseen": 4, "hard-unseen": 4},
}


@pytest.mark.parametrize("name", NAMES)
def test_the_official_layout_is_found_and_read(name: str, make: Makers, tmp_path: Path) -> None:
    benchmark = BENCHMARKS[name]
    copy = benchmark.find(make[name](tmp_path / "data"))
    items = (*copy.train, *copy.test)
    counts = {split: sum(item.split == split for item in items) for split in {item.split for item in items}}
    assert counts == SPLITS[name]
    assert len({item.id for item in items}) == len(items)
    contents = read_contents(benchmark, copy, Silent())
    assert set(contents.images) == {item.id for item in items}
    assert contents.notes == ()
    assert in_both(copy, contents) == []
    rule = Foreground.parse(benchmark.foreground)
    for item in items:
        image = read_image(item.image)
        labels, _ = benchmark.read_truth(item.truth, image.shape[:2])
        assert labels.shape == image.shape[:2]
        foreground = rule.binary(labels, item.truth)
        assert 0.1 < foreground.mean() < 0.5
        if benchmark.kind == "instances":
            assert set(np.unique(labels)) == {0, 1, 2}


@pytest.mark.parametrize("name", NAMES)
def test_a_partial_copy_is_marked_and_no_official_format_is(name: str, make: Makers, tmp_path: Path) -> None:
    benchmark = BENCHMARKS[name]
    copy = benchmark.find(make[name](tmp_path))
    said = marks(benchmark, copy, inventory(benchmark, copy))
    assert said[0].startswith("PARTIAL COPY: train ")
    assert len(said) == 1


@pytest.mark.parametrize("name", NAMES)
def test_a_folder_above_is_looked_into(name: str, make: Makers, tmp_path: Path) -> None:
    make[name](tmp_path / "archive")
    assert BENCHMARKS[name].find(tmp_path).test == BENCHMARKS[name].find(tmp_path / "archive").test


@pytest.mark.parametrize("name", NAMES)
def test_an_empty_folder_is_told_the_layout_and_the_source(name: str, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    with pytest.raises(DataError) as fault:
        BENCHMARKS[name].find(tmp_path)
    assert "The official layout is" in str(fault.value)
    assert "Get it from" in str(fault.value)


@pytest.mark.parametrize("name", NAMES)
def test_the_record_is_whole(name: str) -> None:
    benchmark = BENCHMARKS[name]
    assert benchmark.licence and benchmark.citation and benchmark.source and benchmark.layout and benchmark.protocol
    assert set(benchmark.views) == {"standard", "official", "reference-code"}
    splits = {split.name for split in benchmark.splits}
    for union in benchmark.unions:
        assert set(union.of) <= splits
    if len(splits) > 1:
        assert set(benchmark.unions[-1].of) == splits


def test_official_counts() -> None:
    counts = {
        name: (b.train.count, [s.count for s in b.splits], [u.count for u in b.unions])
        for name, b in BENCHMARKS.items()
    }
    assert counts == {
        "glas": (85, [60, 20], [None]),
        "monuseg": (30, [14], []),
        "polyps": (1450, [100, 62, 380, 196, 60], [None]),
        "sunseg": (112, [None] * 4, [119, 54, None]),
    }


def test_patients_of_glas_are_groups(make: Makers, tmp_path: Path) -> None:
    copy = BENCHMARKS["glas"].find(make["glas"](tmp_path))
    assert [item.group for item in copy.test] == ["patient 1", "patient 2", "patient 2"]


def test_frames_in_the_order_of_time() -> None:
    stems = [
        "case_M_20181010093645_0U62363100354631_1_001_002-1_a3_ayy_image0001",
        "x_a2_ayy_image0010",
        "x_a2_b_image2",
    ]
    assert in_order(stems) == [stems[2], stems[1], stems[0]]
    assert in_order(["10", "9", "x"]) == ["9", "10", "x"]


def test_a_clip_of_two_frames_is_refused(make: Makers, tmp_path: Path) -> None:
    make["sunseg"](tmp_path)
    for side in ("Frame", "GT"):
        for file in sorted((tmp_path / "TestEasyDataset/Seen" / side / "case2_1").iterdir())[2:]:
            file.unlink()
    with pytest.raises(DataError, match="the clip has 2 frames"):
        BENCHMARKS["sunseg"].find(tmp_path)
