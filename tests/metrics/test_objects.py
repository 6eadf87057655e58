"""Scores of the GlaS challenge against its formulas, stated again over sets of pixels."""

from __future__ import annotations

from types import ModuleType

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from scipy.ndimage import gaussian_filter
from skimage.measure import label

from autosam.metrics import object_dice, object_f1, object_hausdorff, object_sums

SHAPES = array_shapes(min_dims=2, max_dims=2, max_side=8)
PAIRS = SHAPES.flatmap(lambda shape: st.tuples(*[arrays(np.int16, shape, elements=st.integers(0, 4))] * 2))


@given(pair=PAIRS)
def test_equals_the_slow_restatement(formulas: ModuleType, pair: tuple[np.ndarray, np.ndarray]) -> None:
    sides = formulas.objects(pair[0]), formulas.objects(pair[1])
    assert object_f1(*pair) == pytest.approx(formulas.object_f1(*sides))
    assert object_dice(*pair) == pytest.approx(formulas.object_dice(*sides))
    assert object_hausdorff(*pair) == pytest.approx(formulas.object_hausdorff(*sides, pair[0].shape))


@pytest.mark.parametrize("roughness", [0.7, 2.0])
def test_equals_the_slow_restatement_on_blobs(formulas: ModuleType, roughness: float) -> None:
    random = np.random.default_rng(3)
    first, second = (gaussian_filter(random.standard_normal((30, 36)), roughness) for _ in range(2))
    truth, prediction = first > 0.08, first + second > 0.15
    sides = [formulas.objects(label(mask, connectivity=2)) for mask in (truth, prediction)]
    assert object_f1(truth, prediction) == pytest.approx(formulas.object_f1(*sides))
    assert object_dice(truth, prediction) == pytest.approx(formulas.object_dice(*sides))
    assert object_hausdorff(truth, prediction) == pytest.approx(formulas.object_hausdorff(*sides, truth.shape))


@given(pair=PAIRS)
def test_sums_of_one_image_are_its_scores(pair: tuple[np.ndarray, np.ndarray]) -> None:
    sums = object_sums(*pair)
    assert sums.f1() == pytest.approx(object_f1(*pair))
    assert sums.dice() == pytest.approx(object_dice(*pair))
    assert sums.hausdorff() == pytest.approx(object_hausdorff(*pair))


@given(first=PAIRS, second=PAIRS)
def test_added_sums_are_the_scores_of_all_objects(
    first: tuple[np.ndarray, np.ndarray], second: tuple[np.ndarray, np.ndarray]
) -> None:
    # Two images far apart in one picture: what one side of an image lacks is then not made up for by the other image.
    sums = object_sums(*first) + object_sums(*second)
    gap = np.zeros((20, 70), np.int16)

    def both(side: int) -> np.ndarray:
        picture = gap.copy()
        a, b = first[side], second[side]
        picture[: a.shape[0], : a.shape[1]] = a
        picture[: b.shape[0], 60 : 60 + b.shape[1]] = b + 4 * (b > 0)
        return picture

    truth, prediction = both(0), both(1)
    assert sums.f1() == pytest.approx(object_f1(truth, prediction))
    if truth.any() and prediction.any():
        assert sums.dice() == pytest.approx(object_dice(truth, prediction))
    if all(side.any() for pair in (first, second) for side in pair):
        assert sums.hausdorff() == pytest.approx(object_hausdorff(truth, prediction))


def test_half_of_an_object_is_no_hit_and_two_touching_ones_in_one_are_one() -> None:
    truth = np.zeros((4, 8), np.int32)
    truth[1, :4], truth[1, 4:] = 1, 2
    half, more = np.zeros((4, 8), np.int32), np.zeros((4, 8), np.int32)
    half[1, :2] = 1
    more[1, :3] = 1
    assert object_f1(truth, half) == 0
    assert object_f1(truth, more) == pytest.approx(2 / 3)
    # As a mask both true objects are one.
    assert object_f1(truth, truth > 0) == pytest.approx(2 / 3)
    assert object_f1(truth > 0, truth > 0) == 1


def test_the_farthest_pixel_may_lie_over_a_hole() -> None:
    full = np.ones((11, 11), bool)
    ring = full.copy()
    ring[1:-1, 1:-1] = False
    assert object_hausdorff(full, ring) == 5
