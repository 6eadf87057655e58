"""AJI and panoptic quality against their formulas, stated again over sets of pixels."""

from __future__ import annotations

from types import ModuleType

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from autosam.metrics import aji, panoptic, panoptic_quality, recognition_quality, segmentation_quality

SHAPES = array_shapes(min_dims=2, max_dims=2, max_side=8)
PAIRS = SHAPES.flatmap(lambda shape: st.tuples(*[arrays(np.int16, shape, elements=st.integers(0, 5))] * 2))


def slow_panoptic(truth: list[frozenset], prediction: list[frozenset]) -> tuple[float, float, float]:
    if not truth and not prediction:
        return 1.0, 1.0, 1.0
    every = [len(a & b) / len(a | b) for a in truth for b in prediction]
    matched = [iou for iou in every if iou > 0.5]
    missed, false = len(truth) - len(matched), len(prediction) - len(matched)
    if not matched:
        return 0.0, 0.0, 0.0
    weight = len(matched) + false / 2 + missed / 2
    return sum(matched) / weight, len(matched) / weight, sum(matched) / len(matched)


@given(pair=PAIRS)
def test_equals_the_slow_restatement(formulas: ModuleType, pair: tuple[np.ndarray, np.ndarray]) -> None:
    sides = formulas.objects(pair[0]), formulas.objects(pair[1])
    assert aji(*pair) == pytest.approx(formulas.aji(*sides))
    assert panoptic(*pair) == pytest.approx(slow_panoptic(*sides))
    assert panoptic(*pair) == (panoptic_quality(*pair), recognition_quality(*pair), segmentation_quality(*pair))


@given(pair=PAIRS)
def test_panoptic_is_symmetric(pair: tuple[np.ndarray, np.ndarray]) -> None:
    assert panoptic(*pair) == pytest.approx(panoptic(*pair[::-1]))


def test_one_predicted_object_may_be_taken_by_several_true_ones() -> None:
    truth = np.array([[1, 1, 2, 2]], np.int32)
    assert aji(truth, truth > 0) == pytest.approx((2 + 2) / (4 + 4))
    # IoU of exactly one half is no match.
    assert panoptic(truth, truth > 0) == (0, 0, 0)
