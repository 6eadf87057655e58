"""Surface distances against brute force over all pairs of surface pixels."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from scipy.ndimage import gaussian_filter

from autosam.metrics import METRICS, assd, hd95
from autosam.metrics.surface import surface

PAIRS = array_shapes(min_dims=2, max_dims=2, max_side=9).flatmap(
    lambda shape: st.tuples(arrays(np.bool_, shape), arrays(np.bool_, shape))
)
SPACINGS = st.one_of(st.none(), st.tuples(st.floats(0.1, 5), st.floats(0.1, 5)))


def slow_surface(mask: np.ndarray) -> list[tuple[int, int]]:
    def on(r: int, c: int) -> bool:
        return 0 <= r < mask.shape[0] and 0 <= c < mask.shape[1] and bool(mask[r, c])

    return [
        (r, c)
        for r in range(mask.shape[0])
        for c in range(mask.shape[1])
        if on(r, c) and not (on(r - 1, c) and on(r + 1, c) and on(r, c - 1) and on(r, c + 1))
    ]


def slow(truth: np.ndarray, prediction: np.ndarray, spacing: tuple[float, float] | None) -> tuple[float, float]:
    """Returns HD95 and ASSD."""
    y, x = spacing or (1, 1)
    a, b = slow_surface(truth), slow_surface(prediction)
    if not a and not b:
        return 0.0, 0.0
    if not a or not b:
        return (math.sqrt((truth.shape[0] * y) ** 2 + (truth.shape[1] * x) ** 2),) * 2

    def directed(start: list[tuple[int, int]], goal: list[tuple[int, int]]) -> list[float]:
        return [min(math.sqrt(((r - s) * y) ** 2 + ((c - d) * x) ** 2) for s, d in goal) for r, c in start]

    def percentile(values: list[float]) -> float:
        ranked, at = sorted(values), 0.95 * (len(values) - 1)
        low = ranked[math.floor(at)]
        return low + (ranked[math.ceil(at)] - low) * (at - math.floor(at))

    forth, back = directed(a, b), directed(b, a)
    return max(percentile(forth), percentile(back)), sum(forth + back) / len(forth + back)


@given(pair=PAIRS, spacing=SPACINGS)
def test_equals_brute_force(pair: tuple[np.ndarray, np.ndarray], spacing: tuple[float, float] | None) -> None:
    assert (hd95(*pair, spacing), assd(*pair, spacing)) == pytest.approx(slow(*pair, spacing))


@pytest.mark.parametrize("roughness", [0.5, 3.0])
@pytest.mark.parametrize("spacing", [None, (0.5, 2.0)])
def test_equals_brute_force_on_blobs(roughness: float, spacing: tuple[float, float] | None) -> None:
    random = np.random.default_rng(4)
    truth, prediction = (gaussian_filter(random.standard_normal((40, 60)), roughness) > 0.05 for _ in range(2))
    truth[:, 50:] = prediction[:, 50:] = False
    assert (hd95(truth, prediction, spacing), assd(truth, prediction, spacing)) == pytest.approx(
        slow(truth, prediction, spacing)
    )


@given(mask=arrays(np.bool_, array_shapes(min_dims=2, max_dims=2, max_side=9)))
def test_surface(mask: np.ndarray) -> None:
    assert [tuple(at) for at in np.argwhere(surface(mask))] == slow_surface(mask)


@pytest.mark.parametrize("name", ["hd95", "assd"])
@given(pair=PAIRS, spacing=SPACINGS)
def test_bounds_and_symmetries(
    name: str, pair: tuple[np.ndarray, np.ndarray], spacing: tuple[float, float] | None
) -> None:
    truth, prediction = pair
    metric, (y, x) = METRICS[name], spacing or (1.0, 1.0)
    found = metric(truth, prediction, spacing)
    assert 0 <= found <= math.hypot(truth.shape[0] * y, truth.shape[1] * x)
    assert found == pytest.approx(metric(prediction, truth, spacing))
    assert found == pytest.approx(metric(truth.T.copy(), prediction.T.copy(), (x, y)))
    assert metric(truth, truth, spacing) == 0


def test_values_on_empty_full_one_pixel_and_touching_masks() -> None:
    empty, full = np.zeros((30, 40), bool), np.ones((30, 40), bool)
    assert hd95(empty, empty) == assd(empty, empty) == 0
    assert hd95(full, empty) == assd(empty, full) == 50
    assert hd95(full, empty, (2, 2)) == 100
    left, right = empty.copy(), empty.copy()
    left[4, 4] = right[4, 7] = True
    assert hd95(left, right) == assd(left, right) == 3
    assert hd95(left, right, (1, 0.5)) == 1.5
    left[4, 4:7] = True
    assert hd95(left, right) == pytest.approx(2.9)
    assert assd(left, right) == pytest.approx((3 + 2 + 1 + 1) / 4)


@pytest.mark.parametrize("spacing", [(0.0, 1.0), (1.0, -1.0), (math.nan, 1.0), (math.inf, 1.0)])
def test_refuses_an_impossible_spacing(spacing: tuple[float, float]) -> None:
    mask = np.ones((3, 3), bool)
    with pytest.raises(ValueError, match="spacing"):
        hd95(mask, mask, spacing)
