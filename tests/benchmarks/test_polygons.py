from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.path import Path as Outline
from skimage.draw import polygon, polygon2mask

from autosam.benchmarks.polygons import rasterise
from autosam.metrics.instances import aji


def test_a_rectangle_on_the_grid_fills_its_pixels() -> None:
    drawn = rasterise([np.array([(1.0, 2), (5, 2), (5, 4), (1, 4)])], 6, 8)
    wanted = np.zeros((6, 8), np.int32)
    wanted[2:4, 1:5] = 1
    np.testing.assert_array_equal(drawn.labels, wanted)


@given(st.integers(0, 2**32 - 1), st.integers(3, 12))
@settings(max_examples=60, deadline=None)
def test_simple_polygons_hold_the_centres_that_matplotlib_and_skimage_say(seed: int, corners: int) -> None:
    random = np.random.default_rng(seed)
    angles = np.sort(random.uniform(0, 2 * np.pi, corners))
    radii = random.uniform(4, 25, corners)
    polygon = np.stack([15 + radii * np.cos(angles), 12 + radii * np.sin(angles)], axis=1)
    inside = rasterise([polygon], 24, 30).labels > 0
    y, x = np.mgrid[:24, :30] + 0.5
    other = Outline(np.vstack([polygon, polygon[:1]]), closed=True).contains_points(np.stack([x.ravel(), y.ravel()], 1))
    np.testing.assert_array_equal(inside, other.reshape(24, 30))
    third = polygon2mask((24, 30), polygon[:, ::-1] - 0.5)
    assert (inside != third).sum() <= 1


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=40, deadline=None)
def test_neighbours_that_share_an_edge_share_no_pixel_and_leave_none(seed: int) -> None:
    cut = np.random.default_rng(seed).uniform(-2, 12, (2,))
    left = np.array([(0, 0), (cut[0], 0), (cut[1], 9), (0, 9)])
    right = np.array([(cut[0], 0), (10, 0), (10, 9), (cut[1], 9)])
    masks = [rasterise([side], 9, 10).labels > 0 for side in (left, right)]
    if (cut >= 0).all() and (cut <= 10).all():
        np.testing.assert_array_equal(masks[0] ^ masks[1], np.ones((9, 10), bool))


def test_the_earlier_polygon_keeps_the_pixel_and_the_rest_is_told() -> None:
    square = np.array([(0.0, 0), (4, 0), (4, 4), (0, 4)])
    drawn = rasterise([square, square, square + 2, square - 9, np.zeros((2, 2)), np.zeros((5, 2)) + 1.2], 6, 6)
    assert drawn.hidden == (2,)
    assert drawn.outside == (4,)
    assert drawn.empty == (5, 6)
    assert drawn.labels[3, 3] == 1
    assert drawn.labels[5, 5] == 3


@pytest.mark.parametrize("shift", [(-2, 0), (0, -2), (4, 3)])
def test_what_passes_the_border_is_cut_off(shift: tuple[int, int]) -> None:
    square = np.array([(0.0, 0), (4, 0), (4, 4), (0, 4)])
    wide = rasterise([square + 4 + shift], 16, 16).labels[4:10, 4:10]
    np.testing.assert_array_equal(rasterise([square + shift], 6, 6).labels, wide)


@pytest.mark.parametrize("shift", [-0.5, 0.5])
def test_nuclei_drawn_half_a_pixel_apart_agree_as_the_documentation_says(shift: float) -> None:
    """By MATLAB's poly2mask a pixel's centre is at column + 1, row + 1, by scikit-image at column, row."""
    random = np.random.default_rng(0)
    angles = np.sort(random.uniform(0, 2 * np.pi, (300, 24)))
    radii, centres = random.uniform(8, 12, (300, 24)), random.uniform(10, 990, (300, 1, 2))
    nuclei = list(centres + np.stack([radii * np.cos(angles), radii * np.sin(angles)], axis=2))
    ours, theirs = (rasterise([each + by for each in nuclei], 1000, 1000).labels for by in (0.0, shift))
    if shift > 0:
        square = np.zeros((1000, 1000), np.bool_)
        square[polygon(nuclei[0][:, 1], nuclei[0][:, 0], square.shape)] = True
        assert ((theirs == 1) != square).sum() <= 1
    assert aji(ours, theirs) == pytest.approx(0.89, abs=0.005)
