"""What holds of every metric of the benchmarks, swept over the tables of names."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from autosam.metrics import MAP_METRICS, METRICS, OBJECT_METRICS

SHAPES = array_shapes(min_dims=2, max_dims=2, min_side=2, max_side=8)
OBJECTS = SHAPES.flatmap(lambda shape: st.tuples(*[arrays(np.int16, shape, elements=st.integers(0, 4))] * 2))
MAPS = SHAPES.flatmap(lambda shape: st.tuples(arrays(np.bool_, shape), arrays(np.uint8, shape)))
EMPTY, FULL = np.zeros((6, 8), bool), np.ones((6, 8), bool)
DIAGONAL = 10.0

# Per metric its value where both are empty, where the truth alone is, and where the prediction alone is (truth full).
OBJECT_EMPTY = dict.fromkeys(OBJECT_METRICS, (1.0, 0.0, 0.0)) | {"object_hausdorff": (0.0, DIAGONAL, DIAGONAL)}
# An empty map passes the threshold 0 alone, with every pixel; E divides by one pixel less than there are.
_E = 48 / 47
# The weighted F smooths errors with none outside the picture, so that some are forgiven at its border.
_BELL = np.exp(-(np.arange(-3, 4) ** 2) / 50)
_KEPT = 1 - math.prod(np.convolve(np.ones(n), _BELL / _BELL.sum())[3:-3].mean() for n in (6, 8))
MAP_EMPTY = {
    "mean_dice": (0, 0, 1 / 256),
    "mean_iou": (0, 0, 1 / 256),
    "max_dice": (0, 0, 1),
    "s_measure": (1, 0, 0),
    "weighted_f": (0, 0, 2 * _KEPT / (1 + _KEPT)),
    "mean_e": (255 / 256 * _E, 0, _E / 256),
    "max_e": (_E, 0, _E),
    "adaptive_e": (0, 0, _E),
    "mean_f": (0, 0, 1 / 256),
    "max_f": (0, 0, 1),
    "adaptive_f": (0, 0, 1),
    "sensitivity": (0, 0, 1 / 256),
    "mae": (0, 1, 1),
}


def test_names_are_unique_and_the_keys_of_their_tables() -> None:
    tables = (METRICS, OBJECT_METRICS, MAP_METRICS)
    names = [name for table in tables for name in table]
    assert len(names) == len(set(names))
    assert all(metric.name == name and metric.title for table in tables for name, metric in table.items())


@pytest.mark.parametrize("name", sorted(OBJECT_METRICS))
def test_objects_on_empty_sides(name: str) -> None:
    metric = OBJECT_METRICS[name]
    assert (metric(EMPTY, EMPTY), metric(EMPTY, FULL), metric(FULL, EMPTY)) == OBJECT_EMPTY[name]


@pytest.mark.parametrize("name", sorted(MAP_METRICS))
def test_maps_on_empty_sides(name: str) -> None:
    metric, nothing, everything = MAP_METRICS[name], np.zeros((6, 8)), np.ones((6, 8))
    found = metric(EMPTY, nothing), metric(EMPTY, everything), metric(FULL, nothing)
    assert found == pytest.approx(MAP_EMPTY[name])


@pytest.mark.parametrize("name", sorted(OBJECT_METRICS))
@given(pair=OBJECTS, shift=st.integers(1, 9))
def test_objects_bounds_identity_and_invariances(name: str, pair: tuple[np.ndarray, np.ndarray], shift: int) -> None:
    metric, (truth, prediction) = OBJECT_METRICS[name], pair
    longest = 1.0 if metric.unit == "fraction" else math.hypot(*truth.shape)
    score = metric(truth, prediction)
    # A mean weighted by areas may pass what it averages by a rounding.
    assert 0 <= score <= longest * (1 + 1e-12)
    assert metric(truth, truth) == (metric.direction == "higher")
    # Neither the numbers, their order kept, nor the picture's direction matter.
    assert metric(truth, prediction * shift) == score
    assert metric(truth.T.copy(), prediction.T.copy()) == pytest.approx(score)


@pytest.mark.parametrize("name", ["object_dice", "object_hausdorff", "panoptic_quality"])
@given(pair=OBJECTS)
def test_objects_symmetry(name: str, pair: tuple[np.ndarray, np.ndarray]) -> None:
    assert OBJECT_METRICS[name](*pair) == pytest.approx(OBJECT_METRICS[name](*pair[::-1]))


@pytest.mark.parametrize("name", sorted(MAP_METRICS))
@given(pair=MAPS)
def test_maps_bounds_and_kinds(name: str, pair: tuple[np.ndarray, np.ndarray]) -> None:
    metric, (truth, gray) = MAP_METRICS[name], pair
    score = metric(truth, gray)
    most = truth.size / (truth.size - 1) if name.endswith("_e") else 1
    assert 0 <= score <= most + 1e-12
    assert metric(truth, gray / 255) == score


@pytest.mark.parametrize("name", sorted(MAP_METRICS))
@given(truth=arrays(np.bool_, SHAPES).filter(lambda mask: bool(mask.any())))
def test_the_truth_itself_is_the_best_map(name: str, truth: np.ndarray) -> None:
    metric, size = MAP_METRICS[name], truth.size
    score = metric(truth, truth.astype(np.float64))
    # Everything passes the threshold 0, where no map can be right.
    if name.startswith("mean") or name == "sensitivity":
        assert score >= 255 / 256
    else:
        assert score == pytest.approx(
            {"higher": size / (size - 1) if name.endswith("_e") else 1, "lower": 0}[metric.direction]
        )


@pytest.mark.parametrize("name", sorted(MAP_METRICS))
def test_maps_refuse_what_is_no_pair(name: str) -> None:
    metric = MAP_METRICS[name]
    with pytest.raises(ValueError, match="one shape"):
        metric(EMPTY, np.zeros((8, 6)))
    with pytest.raises(ValueError, match="boolean"):
        metric(EMPTY.astype(np.uint8), np.zeros((6, 8)))  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"0\.\.1"):
        metric(EMPTY, np.full((6, 8), 1.5))
    with pytest.raises(ValueError, match=r"0\.\.1"):
        metric(EMPTY, np.full((6, 8), np.nan))
    with pytest.raises(ValueError, match="uint8"):
        metric(EMPTY, np.zeros((6, 8), np.int64))  # type: ignore[arg-type]
