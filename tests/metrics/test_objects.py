"""Scores of the GlaS challenge against its formulas, stated again over sets of pixels."""

from __future__ import annotations

import math

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
Object = frozenset[tuple[int, int]]


def objects(labels: np.ndarray) -> list[Object]:
    return [frozenset(map(tuple, np.argwhere(labels == n).tolist())) for n in np.unique(labels) if n]


def dice(a: Object, b: Object) -> float:
    return 2 * len(a & b) / (len(a) + len(b))


def hausdorff(a: Object, b: Object) -> float:
    def directed(start: Object, goal: Object) -> float:
        return max(min(math.dist(one, other) for other in goal) for one in start)

    return max(directed(a, b), directed(b, a))


def most_shared(one: Object, others: list[Object]) -> Object:
    """Returns the first of those that share most pixels, or an empty set where none does."""
    best = max(others, key=lambda other: len(one & other), default=frozenset())
    return best if one & best else frozenset()


def slow_f1(truth: list[Object], prediction: list[Object]) -> float:
    if not truth and not prediction:
        return 1.0
    hits = 0
    for one in prediction:
        true = most_shared(one, truth)
        hits += bool(true) and len(one & true) / len(true) > 0.5
    false, missed = len(prediction) - hits, len(truth) - hits
    return hits / (hits + (false + missed) / 2)


def slow_dice(truth: list[Object], prediction: list[Object]) -> float:
    if not truth or not prediction:
        return float(truth == prediction)

    def side(own: list[Object], others: list[Object]) -> float:
        area = sum(map(len, own))
        return sum(len(one) / area * dice(one, most_shared(one, others)) for one in own)

    return (side(truth, prediction) + side(prediction, truth)) / 2


def slow_hausdorff(truth: list[Object], prediction: list[Object], shape: tuple[int, int]) -> float:
    if not truth or not prediction:
        return 0.0 if truth == prediction else math.hypot(*shape)

    def side(own: list[Object], others: list[Object]) -> float:
        area = sum(map(len, own))
        total = 0.0
        for one in own:
            other = most_shared(one, others)
            distance = hausdorff(one, other) if other else min(hausdorff(one, each) for each in others)
            total += len(one) / area * distance
        return total

    return (side(truth, prediction) + side(prediction, truth)) / 2


@given(pair=PAIRS)
def test_equals_the_slow_restatement(pair: tuple[np.ndarray, np.ndarray]) -> None:
    sides = objects(pair[0]), objects(pair[1])
    assert object_f1(*pair) == pytest.approx(slow_f1(*sides))
    assert object_dice(*pair) == pytest.approx(slow_dice(*sides))
    assert object_hausdorff(*pair) == pytest.approx(slow_hausdorff(*sides, pair[0].shape))


@pytest.mark.parametrize("roughness", [0.7, 2.0])
def test_equals_the_slow_restatement_on_blobs(roughness: float) -> None:
    random = np.random.default_rng(3)
    first, second = (gaussian_filter(random.standard_normal((30, 36)), roughness) for _ in range(2))
    truth, prediction = first > 0.08, first + second > 0.15
    sides = objects(label(truth, connectivity=2)), objects(label(prediction, connectivity=2))
    assert object_f1(truth, prediction) == pytest.approx(slow_f1(*sides))
    assert object_dice(truth, prediction) == pytest.approx(slow_dice(*sides))
    assert object_hausdorff(truth, prediction) == pytest.approx(slow_hausdorff(*sides, truth.shape))


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
