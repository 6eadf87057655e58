"""What every metric promises of every pair of masks: bounds, the perfect score, symmetry, what flips leave alone."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from autosam.metrics import MAP_METRICS, METRICS, OBJECT_METRICS, dice, iou, precision, recall

Mask = npt.NDArray[np.bool_]
FRACTIONS = [name for name, metric in METRICS.items() if metric.unit == "fraction"]
LENGTHS = [name for name, metric in METRICS.items() if metric.unit == "length"]
_SMALL = st.tuples(st.integers(1, 24), st.integers(1, 24))
_SHARE = st.sampled_from([0.0, 0.02, 0.3, 0.7, 0.98, 1.0])


@st.composite
def couples(draw: st.DrawFn) -> tuple[Mask, Mask]:
    """Two masks of one size, each with its own share of foreground; blobs as often as noise."""
    high, wide = draw(_SMALL)
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    sides = []
    for share in (draw(_SHARE), draw(_SHARE)):
        noise = rng.random((high, wide))
        if draw(st.booleans()):
            noise = np.kron(rng.random((-(-high // 4), -(-wide // 4))), np.ones((4, 4)))[:high, :wide]
        sides.append(noise < share)
    return sides[0], sides[1]


@given(couples())
def test_fractions_lie_between_0_and_1(both: tuple[Mask, Mask]) -> None:
    for name in FRACTIONS:
        assert 0 <= METRICS[name](*both) <= 1


@given(couples())
def test_distances_are_finite_and_below_the_diagonal(both: tuple[Mask, Mask]) -> None:
    diagonal = float(np.hypot(*both[0].shape))
    for name in LENGTHS:
        assert 0 <= METRICS[name](*both) <= diagonal + 1e-9


@given(couples())
def test_a_mask_against_itself_is_perfect(both: tuple[Mask, Mask]) -> None:
    for metric in METRICS.values():
        assert metric(both[0], both[0]) == (1 if metric.direction == "higher" else 0)


@given(couples())
def test_dice_iou_and_distances_are_symmetric(both: tuple[Mask, Mask]) -> None:
    a, b = both
    for name in ("dice", "iou", *LENGTHS):
        assert METRICS[name](a, b) == pytest.approx(METRICS[name](b, a), abs=1e-12)
    assert precision(a, b) == recall(b, a)


@given(couples())
def test_dice_and_iou_say_the_same(both: tuple[Mask, Mask]) -> None:
    overlap = iou(*both)
    assert dice(*both) == pytest.approx(2 * overlap / (1 + overlap))


@given(couples())
def test_flips_and_turns_change_no_score(both: tuple[Mask, Mask]) -> None:
    for metric in METRICS.values():
        score = metric(*both)
        for turned in (np.fliplr, np.flipud, np.rot90):
            a, b = (np.ascontiguousarray(turned(side)) for side in both)
            assert metric(a, b) == pytest.approx(score, abs=1e-9)


@given(couples(), st.floats(0.1, 9))
def test_distances_grow_with_the_spacing(both: tuple[Mask, Mask], factor: float) -> None:
    for name in LENGTHS:
        plain = METRICS[name](*both, (1.0, 1.0))
        assert METRICS[name](*both, (factor, factor)) == pytest.approx(plain * factor, rel=1e-9, abs=1e-9)


@given(couples())
def test_objects_are_bounded_and_perfect_against_themselves(both: tuple[Mask, Mask]) -> None:
    for metric in OBJECT_METRICS.values():
        score = metric(*both)
        assert score >= 0
        assert metric.unit == "length" or score <= 1 + 1e-12
        assert metric(both[0], both[0]) == pytest.approx(1 if metric.direction == "higher" else 0)


@given(couples(), st.integers(0, 2**32 - 1))
def test_maps_are_bounded(both: tuple[Mask, Mask], seed: int) -> None:
    chances = np.random.default_rng(seed).random(both[0].shape)
    size = both[0].size
    for name, metric in MAP_METRICS.items():
        # The E-measure's authors divide by the number of pixels less one.
        most = size / max(1, size - 1) if name.endswith("_e") else 1
        assert -1e-9 <= metric(both[0], chances) <= most + 1e-9, name
