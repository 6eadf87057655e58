"""Overlap scores against a slow re-statement, and their bounds."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from autosam.metrics import METRICS, dice, iou, precision, recall

OVERLAP = ["dice", "iou", "precision", "recall"]
PAIRS = array_shapes(min_dims=2, max_dims=2, max_side=8).flatmap(
    lambda shape: st.tuples(arrays(np.bool_, shape), arrays(np.bool_, shape))
)
EMPTY, FULL = np.zeros((5, 7), bool), np.ones((5, 7), bool)


def slow(name: str, truth: np.ndarray, prediction: np.ndarray) -> float:
    pixels = [(bool(t), bool(p)) for t, p in zip(truth.flat, prediction.flat, strict=True)]
    hit, missed, false = pixels.count((True, True)), pixels.count((True, False)), pixels.count((False, True))
    if hit + missed + false == 0:
        return 1.0
    if hit + missed == 0 or hit + false == 0:
        return 0.0
    return {
        "dice": hit / (hit + (missed + false) / 2),
        "iou": hit / (hit + missed + false),
        "precision": hit / (hit + false),
        "recall": hit / (hit + missed),
    }[name]


@pytest.mark.parametrize("name", OVERLAP)
@given(pair=PAIRS)
def test_equals_the_slow_restatement(name: str, pair: tuple[np.ndarray, np.ndarray]) -> None:
    score = METRICS[name](*pair)
    assert score == pytest.approx(slow(name, *pair), abs=1e-12)
    assert 0 <= score <= 1


@given(pair=PAIRS)
def test_symmetries(pair: tuple[np.ndarray, np.ndarray]) -> None:
    truth, prediction = pair
    assert dice(truth, prediction) == dice(prediction, truth)
    assert iou(truth, prediction) == iou(prediction, truth)
    assert precision(truth, prediction) == recall(prediction, truth)
    overlap = iou(truth, prediction)
    assert dice(truth, prediction) == pytest.approx(2 * overlap / (1 + overlap))


@pytest.mark.parametrize("name", OVERLAP)
def test_one_convention_on_empty_masks(name: str) -> None:
    assert METRICS[name](EMPTY, EMPTY) == 1
    assert METRICS[name](EMPTY, FULL) == 0
    assert METRICS[name](FULL, EMPTY) == 0
    assert METRICS[name](FULL, FULL) == 1


@pytest.mark.parametrize("name", sorted(METRICS))
def test_refuses_what_is_not_a_pair_of_masks(name: str) -> None:
    metric = METRICS[name]
    with pytest.raises(ValueError, match="one shape"):
        metric(EMPTY, EMPTY.T.copy())
    with pytest.raises(ValueError, match="boolean"):
        metric(EMPTY.astype(np.uint8), EMPTY)
    with pytest.raises(ValueError, match="boolean"):
        metric(EMPTY, EMPTY[None])
    with pytest.raises(ValueError, match="boolean"):
        metric(EMPTY[:0], EMPTY[:0])
