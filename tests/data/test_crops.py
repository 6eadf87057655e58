"""Tiles as cases: where they lie, which are chosen, and how often their image is read."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from autosam.data import crops as crops_module
from autosam.data.crops import Crop, Crops, choose_crops, cut
from autosam.data.dataset import Dataset
from autosam.data.folder import find_pairs
from autosam.data.foreground import Foreground


@pytest.fixture
def data(tmp_path: Path) -> Dataset:
    rng = np.random.default_rng(0)
    for name, size in (("a", (100, 150)), ("b", (30, 40))):
        mask = np.zeros(size, np.uint8)
        mask[3:9, 3:9] = 255
        for side, pixels in (("images", rng.integers(0, 256, (*size, 3)).astype(np.uint8)), ("masks", mask)):
            (tmp_path / side).mkdir(exist_ok=True)
            Image.fromarray(pixels).save(tmp_path / side / f"{name}.png")
    return Dataset(find_pairs(tmp_path, group="(.)").pairs, Foreground())


def test_a_tile_is_its_part_of_the_image(data: Dataset) -> None:
    whole = [data.read(case) for case in range(2)]
    every = cut(data, 64)
    crops = Crops(data, every)
    assert len(crops) == len(every) == 2 * 3 + 1
    assert crops.ids[0] == "a@0,0" and crops.ids[-1] == "b@0,0"
    for index, crop in enumerate(every):
        sample, source = crops.read(index), whole[crop.case]
        assert (sample.id, sample.group, sample.file) == (crop.id, source.group, source.file)
        assert sample.size == ((64, 64) if crop.case == 0 else (30, 40))
        np.testing.assert_array_equal(sample.image, source.image[crop.window.area])
        assert sample.mask is not None and source.mask is not None
        np.testing.assert_array_equal(sample.mask, source.mask[crop.window.area])
        assert crop.empty == (not sample.mask.any())


def test_deep_images_are_stretched_as_a_whole(tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    (tmp_path / "masks").mkdir()
    image = np.linspace(0, 4000, 50 * 90).reshape(50, 90).astype(np.uint16)
    Image.fromarray(image).save(tmp_path / "images" / "a.png")
    Image.fromarray(np.eye(50, 90, dtype=np.uint8)).save(tmp_path / "masks" / "a.png")
    deep = Dataset(find_pairs(tmp_path).pairs, Foreground())
    crops = Crops(deep, cut(deep, 50))
    np.testing.assert_array_equal(crops.read(1).image, deep.read(0).rgb()[crops.crops[1].window.area])


def test_images_are_read_once_while_memory_lasts(data: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    reads: Counter[int] = Counter()
    read = data.read
    monkeypatch.setattr(data, "read", lambda index: (reads.update([index]), read(index))[1])
    crops = Crops(data, cut(data, 64))
    for _ in range(2):
        for index in range(len(crops)):
            crops.read(index)
    assert reads == {0: 1, 1: 1}
    monkeypatch.setattr(crops_module, "_MEMORY", 1)
    crops = Crops(data, crops.crops)
    for index in (0, 1, 6, 0):
        crops.read(index)
    assert reads == {0: 3, 1: 2}


def _crops(full: int, empty: int, cases: int = 5) -> list[Crop]:
    window = crops_module.Window(0, 0, 1, 1)
    return [Crop(i % cases, window, i >= full, f"{i % cases}@{i},0") for i in range(full + empty)]


def test_a_fifth_may_be_empty() -> None:
    chosen = choose_crops(_crops(40, 60), None, 0)
    assert Counter(crop.empty for crop in chosen) == {False: 40, True: 10}
    assert list(chosen) == [crop for crop in _crops(40, 60) if crop in set(chosen)]
    assert not any(crop.empty for crop in choose_crops(_crops(40, 60), None, 0, empty=0))
    assert len(choose_crops(_crops(0, 7), None, 0)) == 7


def test_a_bound_takes_from_all_images_alike() -> None:
    chosen = choose_crops(_crops(100, 20), 23, 0)
    assert len(chosen) == 23
    assert set(Counter(crop.case for crop in chosen).values()) == {4, 5}
    # The same ones, whatever the bound was when they were first chosen.
    assert choose_crops(_crops(100, 20), len(chosen), 0) == chosen
    assert choose_crops(_crops(100, 20), 23, 1) != chosen


@given(full=st.lists(st.integers(0, 60), min_size=2, max_size=4), empty=st.integers(0, 80), most=st.integers(1, 200))
def test_a_bound_leaves_no_more_than_a_fifth_empty(full: list[int], empty: int, most: int) -> None:
    window = crops_module.Window(0, 0, 1, 1)
    every = [Crop(c, window, i >= n, f"{c}@{i},0") for c, n in enumerate(full) for i in range(n + empty)]
    chosen = choose_crops(every, most, 0)
    assert len(chosen) <= most
    if any(full):
        assert 5 * sum(crop.empty for crop in chosen) <= len(chosen)
        assert len(chosen) >= min(most, sum(full))
    for bound in (most, None):
        chosen = choose_crops(every, bound, 0)
        assert choose_crops(every, len(chosen), 0) == chosen, "what a plan holds comes back"
