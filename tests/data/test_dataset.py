"""Cases read one at a time; splits never straddle a group; equal pixels are found."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from autosam.core.errors import DataError
from autosam.data.dataset import Dataset, duplicates, split
from autosam.data.folder import Pair, find_pairs
from autosam.data.foreground import Foreground

GROUPS = st.lists(st.sampled_from([None, "a", "b", "c", "0"]), min_size=0, max_size=30)


def _named(groups: list[str | None]) -> Dataset:
    return Dataset([Pair(str(i), Path(f"{i}.png"), None, group) for i, group in enumerate(groups)], Foreground())


def _write(root: Path, name: str, image: np.ndarray, mask: np.ndarray, **options: object) -> None:
    for side, array in (("images", image), ("masks", mask)):
        (root / side).mkdir(exist_ok=True)
        Image.fromarray(array).save(root / side / name, **(options if side == "images" else {}))


@given(GROUPS, st.sampled_from([0.0, 0.1, 0.2, 0.5, 0.9]), st.integers(0, 3))
def test_split(groups: list[str | None], share: float, seed: int) -> None:
    dataset = _named(groups)
    units = {group if group is not None else i for i, group in enumerate(groups)}
    if share and len(groups) > 1 and len(units) == 1:
        with pytest.raises(DataError, match="one group"):
            split(dataset, share, seed)
        return
    train, val = split(dataset, share, seed)
    assert sorted(train.ids + val.ids) == sorted(dataset.ids)
    assert not (set(train.groups) & set(val.groups)) - {None}
    if share and len(groups) > 1:
        assert len(train) and len(val)
    else:
        assert not len(val)
    turned = Dataset(dataset.pairs[::-1], Foreground())
    again = split(turned, share, seed)
    if all(group is None for group in groups):
        assert set(again[1].ids) == set(val.ids)
        assert len(val) == pytest.approx(max(1, share * len(groups)) if share and len(groups) > 1 else 0, abs=1)


def test_seeds_differ() -> None:
    dataset = _named([None] * 50)
    assert split(dataset, 0.2, 0)[1].ids != split(dataset, 0.2, 1)[1].ids
    assert len(split(dataset, 0.2, 0)[1]) == 10


def test_read(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    mask = rng.random((6, 8)) > 0.5
    _write(tmp_path, "a.png", rng.integers(0, 256, (6, 8, 3)).astype(np.uint8), mask.astype(np.uint8) * 255)
    dataset = Dataset(find_pairs(tmp_path, group=".").pairs, Foreground())
    (sample,) = dataset
    assert (sample.id, sample.group, sample.file) == ("a", "a", tmp_path / "images" / "a.png")
    assert sample.mask is not None
    assert sample.mask.dtype == np.bool_
    np.testing.assert_array_equal(sample.mask, mask)


def test_sizes_that_differ(tmp_path: Path) -> None:
    _write(tmp_path, "a.png", np.zeros((6, 8, 3), np.uint8), np.zeros((6, 9), np.uint8))
    with pytest.raises(DataError, match=r"mask is 9 x 6 pixels, its image .*a\.png 8 x 6"):
        Dataset(find_pairs(tmp_path).pairs, Foreground()).read(0)


def test_exif_that_differs_is_said(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    _write(tmp_path, "a.png", np.zeros((6, 8, 3), np.uint8), np.zeros((6, 8), np.uint8), exif=exif)
    with pytest.raises(DataError, match="EXIF orientation 6 and the mask 1"):
        Dataset(find_pairs(tmp_path).pairs, Foreground()).read(0)


def test_classes_over_several_masks_are_noticed(tmp_path: Path) -> None:
    for name, mark in (("a.png", 1), ("b.png", 2)):
        _write(tmp_path, name, np.zeros((4, 4, 3), np.uint8), np.eye(4, dtype=np.uint8) * np.uint8(mark))
    pairs = find_pairs(tmp_path).pairs
    with pytest.raises(DataError, match="several classes"):
        list(Dataset(pairs, Foreground()))
    first, second = split(Dataset(pairs, Foreground()), 0.5, 0)
    with pytest.raises(DataError, match="several classes"):
        assert not (list(first), list(second))
    assert [int(sample.mask.sum()) for sample in Dataset(pairs, Foreground.parse("2")) if sample.mask is not None] == [
        0,
        4,
    ]


def test_duplicates(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    for name, seed in (("a.png", 1), ("b.bmp", 1), ("c.png", 2)):
        image = np.random.default_rng(seed).integers(0, 256, (4, 4, 3)).astype(np.uint8)
        _write(tmp_path, name, image, rng.integers(0, 2, (4, 4)).astype(np.uint8))
    dataset = Dataset(find_pairs(tmp_path).pairs, Foreground())
    assert duplicates(dataset, dataset) == [("a", "b")]
    assert duplicates(dataset.part([0]), dataset.part([1, 2])) == [("a", "b")]
    assert duplicates(dataset.part([2]), dataset.part([0, 1])) == []
