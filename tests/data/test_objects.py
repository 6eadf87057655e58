"""How large objects are: instances by their numbers, everything else by its components, dust left out."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from autosam.data.dataset import Dataset
from autosam.data.folder import find_pairs
from autosam.data.foreground import Foreground
from autosam.data.objects import object_areas, objects_in


def disc(shape: tuple[int, int], y: float, x: float, radius: float) -> np.ndarray:
    rows, columns = np.mgrid[: shape[0], : shape[1]]
    return (rows - y) ** 2 + (columns - x) ** 2 < radius**2


def test_components_of_a_binary_mask_touch_at_corners() -> None:
    mask = np.zeros((6, 7), np.uint8)
    mask[0, 0] = mask[1, 1] = mask[4:6, 3:6] = 255
    assert sorted(object_areas(mask)) == [2, 6]
    assert sorted(object_areas(mask > 0)) == [2, 6]
    assert len(object_areas(np.zeros((4, 4), np.uint8))) == 0


@pytest.mark.parametrize("numbers", [(1, 2), (7, 300), (40_000, 65_535)])
def test_instances_that_touch_are_two(numbers: tuple[int, int]) -> None:
    labels = np.zeros((8, 8), np.uint16)
    labels[2:4, :4], labels[4:6, :4] = numbers
    assert sorted(object_areas(labels)) == [8, 8]
    # One of them cut in two is still one.
    labels[2:4, 2] = 0
    assert sorted(object_areas(labels)) == [6, 8]


def test_classes_and_gray_edges_are_no_instances() -> None:
    classes = np.zeros((40, 40), np.uint8)
    for number, (y, x) in enumerate([(4, 4), (4, 20), (20, 4), (20, 20), (32, 32), (32, 4)]):
        classes[disc((40, 40), y, x, 3)] = 1 + number % 2
    assert len(object_areas(classes)) == 6
    gray = np.random.default_rng(0).integers(1, 256, (40, 40)).astype(np.uint8)
    assert object_areas(gray).tolist() == [1600]


def _write(root: Path, masks: list[np.ndarray]) -> Dataset:
    for number, mask in enumerate(masks):
        for side, pixels in (("images", np.zeros((*mask.shape, 3), np.uint8)), ("masks", mask)):
            (root / side).mkdir(exist_ok=True)
            Image.fromarray(pixels).save(root / side / f"{number}.png")
    return Dataset(find_pairs(root).pairs, Foreground())


def test_the_median_object_and_its_size_in_the_input(tmp_path: Path) -> None:
    small, large = np.zeros((200, 100), np.uint8), np.zeros((400, 100), np.uint8)
    for y in range(20, 200, 40):
        small[disc(small.shape, y, 50, 10)] = 255
    large[disc(large.shape, 200, 50, 40)] = 255
    # Stray pixels do not pass for objects, though they are many more.
    large[:4:2, :40:2] = 255
    found = objects_in(_write(tmp_path, [small, large]), 100)
    assert (found.number, found.images, found.longest) == (6, 2, 300)
    assert found.across == pytest.approx(20, abs=0.5)
    assert found.resized == pytest.approx(10, abs=0.3)


def test_no_object_at_all(tmp_path: Path) -> None:
    found = objects_in(_write(tmp_path, [np.zeros((9, 9), np.uint8)]), 64)
    assert (found.number, found.across, found.resized) == (0, 0, 0)
