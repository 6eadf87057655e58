"""Curves over 256 thresholds against every threshold for itself, and what the stretch does."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from autosam.metrics import (
    MAP_METRICS,
    adaptive_e,
    adaptive_f,
    dice_curve,
    e_curve,
    f_curve,
    iou_curve,
    sensitivity_curve,
    stretched,
)

SHAPES = array_shapes(min_dims=2, max_dims=2, min_side=2, max_side=6)
PAIRS = SHAPES.flatmap(
    lambda shape: st.tuples(
        arrays(np.bool_, shape), arrays(np.uint8, shape, elements=st.sampled_from([0, 1, 127, 128, 254, 255]))
    )
)


def aligned(truth: np.ndarray, mask: np.ndarray) -> float:
    if not truth.any():
        pixels = ~mask
    elif truth.all():
        pixels = mask
    else:
        t, p = truth - truth.mean(), mask - mask.mean()
        pixels = (1 + 2 * t * p / (t**2 + p**2 + 2e-16)) ** 2 / 4
    return pixels.sum() / (truth.size - 1)


def scores(truth: np.ndarray, mask: np.ndarray) -> dict[str, float]:
    hit, passed, true = int((truth & mask).sum()), int(mask.sum()), int(truth.sum())
    names = dict.fromkeys(["dice", "iou", "sensitivity", "f"], 0.0)
    if hit:
        precision, recall = hit / passed, hit / true
        names = {
            "dice": 2 * hit / (passed + true),
            "iou": hit / (passed + true - hit),
            "sensitivity": recall,
            "f": 1.3 * precision * recall / (0.3 * precision + recall),
        }
    return names | {"e": aligned(truth, mask)}


@settings(max_examples=30)
@given(pair=PAIRS)
def test_curves_are_every_threshold_for_itself(pair: tuple[np.ndarray, np.ndarray]) -> None:
    truth, gray = pair
    curves = {
        "dice": dice_curve,
        "iou": iou_curve,
        "sensitivity": sensitivity_curve,
        "f": f_curve,
        "e": e_curve,
    }
    found = {name: curve(truth, gray) for name, curve in curves.items()}
    for level in range(256):
        expected = scores(truth, gray >= level)
        assert {name: curve[level] for name, curve in found.items()} == pytest.approx(expected)
    values = gray / 255
    adaptive = scores(truth, values >= min(1, 2 * values.mean()))
    assert adaptive_f(truth, gray) == pytest.approx(adaptive["f"])
    assert adaptive_e(truth, gray) == pytest.approx(adaptive["e"])


@given(gray=arrays(np.float32, SHAPES, elements=st.floats(0, 1, width=32)))
def test_stretch_reaches_both_ends_or_leaves_a_constant(gray: np.ndarray) -> None:
    found = stretched(gray)
    if gray.min() == gray.max():
        assert np.array_equal(found, gray)
    else:
        assert (found.min(), found.max()) == (0, 1)
        assert np.array_equal(found, stretched(found))
        assert (np.diff(found.ravel()[np.argsort(gray, axis=None)]) >= 0).all()


@pytest.mark.parametrize("name", sorted(MAP_METRICS))
@given(pair=PAIRS)
def test_neither_the_mirror_nor_the_type_matters(name: str, pair: tuple[np.ndarray, np.ndarray]) -> None:
    metric, (truth, gray) = MAP_METRICS[name], pair
    # Not for the two that break ties: the S-measure rounds the centre, the weighted F picks one of equal neighbours.
    if name not in ("s_measure", "weighted_f"):
        assert metric(truth[::-1], gray[::-1]) == pytest.approx(metric(truth, gray))
    assert metric(truth, stretched(gray)) == metric(truth, stretched((gray / 255).astype(np.float64)))
