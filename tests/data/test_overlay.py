"""Outlines keep the picture's size, lie on the border, and leave the rest alone."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from autosam.data.overlay import PREDICTION, TRUTH, _signed_distance, overlay

RGB = np.full((120, 90, 3), 100, np.uint8)


def _disc(x: int, y: int, radius: int) -> np.ndarray:
    rows, columns = np.mgrid[:120, :90]
    return (rows - y) ** 2 + (columns - x) ** 2 <= radius**2


@pytest.mark.parametrize("mask", [RGB[:, :, 0] < 0, RGB[:, :, 0] > 0, _disc(40, 60, 25), _disc(0, 0, 2)])
@pytest.mark.parametrize("with_truth", [False, True])
def test_any_mask(mask: np.ndarray, with_truth: bool) -> None:
    before = RGB.copy()
    out = overlay(RGB, mask, truth=_disc(50, 50, 20) if with_truth else None)
    assert (out.shape, out.dtype) == (RGB.shape, np.uint8)
    np.testing.assert_array_equal(RGB, before)
    if not mask.any() and not with_truth:
        np.testing.assert_array_equal(out, RGB)


def test_the_border_has_the_colour_and_the_distance_does_not() -> None:
    mask = np.zeros((120, 90), bool)
    mask[30:90, 20:70] = True
    out = overlay(RGB, mask, width=4.0)
    assert tuple(out[60, 20]) == tuple(out[60, 19]) == PREDICTION
    np.testing.assert_array_equal(out[5:15], RGB[5:15])
    inside = out[60, 45].astype(int)
    assert inside[0] < 100 < inside[2]


def test_truth_has_its_own_colour() -> None:
    truth, mask = _disc(30, 40, 20), _disc(60, 85, 20)
    out = overlay(RGB, mask, truth=truth, width=3.0)
    assert (out == TRUTH).all(-1).sum() > 50
    assert (out == PREDICTION).all(-1).sum() > 50
    assert tuple(out[40, 30]) != (100, 100, 100)
    np.testing.assert_array_equal(overlay(RGB, mask, truth=mask, width=3.0)[85, 60], RGB[85, 60])


def test_distance_against_scipy() -> None:
    mask = np.random.default_rng(0).random((60, 50)) > 0.97
    mask = ndimage.binary_dilation(mask, iterations=4)
    signed = _signed_distance(mask, 6)
    outside = ndimage.distance_transform_edt(~mask)
    near = ~mask & (outside <= 6)
    np.testing.assert_allclose(signed[near], 0.5 - outside[near], rtol=1e-6)
    assert (signed[mask] > 0).all()


def test_other_sizes_are_refused() -> None:
    with pytest.raises(ValueError, match="the image"):
        overlay(RGB, np.zeros((9, 9), bool))
