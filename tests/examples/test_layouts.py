"""The scripts that make official layouts out of other folders."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from autosam.benchmarks.benchmark import Copy
from autosam.benchmarks.contents import in_both, read_contents
from autosam.benchmarks.inventory import inventory, marks
from autosam.benchmarks.names import BENCHMARKS
from autosam.benchmarks.polygons import rasterise
from autosam.core.errors import UsageError
from autosam.core.progress import Silent

Load = Callable[[str], ModuleType]


def save(file: Path, seed: int, *, mask: bool = False) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(seed).integers(0, 256, (20, 30, 3), np.uint8)
    if mask:
        pixels = np.zeros((20, 30), np.uint8)
        pixels[2 + seed % 5 : 12, 4:20] = 255
    Image.fromarray(pixels).save(file)


def read(name: str, root: Path) -> Copy:
    benchmark = BENCHMARKS[name]
    copy = benchmark.find(root)
    contents = read_contents(benchmark, copy, Silent())
    assert in_both(copy, contents) == []
    assert any(mark.startswith("NOTE: rebuilt layout: ") for mark in marks(benchmark, copy, inventory(benchmark, copy)))
    return copy


@given(seed=st.integers(0, 2**32 - 1), share=st.sampled_from([0.2, 0.5, 0.8]))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_drawing_an_outline_gives_the_mask_again(example: Load, seed: int, share: float) -> None:
    mask = np.random.default_rng(seed).random((9, 11)) < share
    if mask.any():
        polygon = np.array(example("monuseg/make_layout.py").outline(mask), float)
        np.testing.assert_array_equal(rasterise([polygon], 9, 11).labels > 0, mask)


def test_numbered_nuclei_become_polygons_and_nuclei_again(example: Load, tmp_path: Path) -> None:
    labels = np.zeros((30, 40), np.uint16)
    labels[3:9, 5:12], labels[9:15, 5:12], labels[20:28, 30:40], labels[22:24, 33:35] = 7, 300, 2, 0
    for number in range(6):
        save(tmp_path / "in" / "images" / f"n{number}.png", number)
        (tmp_path / "in" / "instances").mkdir(exist_ok=True)
        Image.fromarray(np.roll(labels, number, 1)[:20, :30]).save(tmp_path / "in" / "instances" / f"n{number}.png")
    assert example("monuseg/make_layout.py").make(tmp_path / "in", tmp_path / "out") == (5, 1)
    copy = read("monuseg", tmp_path / "out")
    assert [item.id for item in copy.test] == ["n4"]
    for item in (*copy.train, *copy.test):
        wanted = np.roll(labels, int(item.id[1:]), 1)[:20, :30]
        drawn, notes = BENCHMARKS["monuseg"].read_truth(item.truth, (20, 30))
        assert notes == ()
        # The same nuclei, numbered anew in the same order.
        np.testing.assert_array_equal(drawn, np.searchsorted(np.unique(wanted), wanted))


def test_polyps(example: Load, tmp_path: Path) -> None:
    for number, part in enumerate(("train", "train", "val")):
        save(tmp_path / "in" / part / "images" / f"{number}.jpg", number)
        save(tmp_path / "in" / part / "masks" / f"{number}.png", number, mask=True)
    make = example("polyps/make_layout.py").make
    assert make(tmp_path / "in", tmp_path / "out") == {"TrainDataset": 2, "TestDataset/Kvasir": 1}
    copy = read("polyps", tmp_path / "out")
    assert [item.id for item in copy.test] == ["Kvasir/2"]
    with pytest.raises(UsageError, match="not empty"):
        make(tmp_path / "in", tmp_path / "out")


def test_sequences(example: Load, tmp_path: Path) -> None:
    for clip in range(6):
        for frame in range(3):
            save(tmp_path / "in" / "Frame" / f"s{clip}" / f"{frame}.jpg", 10 * clip + frame)
            save(tmp_path / "in" / "GT" / f"s{clip}" / f"{frame}.png", frame, mask=True)
    example("sunseg/make_layout.py").make(tmp_path / "in", tmp_path / "out")
    copy = read("sunseg", tmp_path / "out")
    assert {item.clip for item in copy.train} == {f"TrainDataset/s{n}" for n in range(4)}
    assert [item.clip for item in copy.test][::3] == ["TestEasyDataset/Unseen/s4", "TestHardDataset/Unseen/s5"]
