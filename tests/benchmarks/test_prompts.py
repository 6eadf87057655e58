"""Prompts drawn from a truth: inside it, complete, and the same each time."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import ndimage

from autosam.benchmarks.prompts import boxes, centres, grid, random_points, regions

Truth = npt.NDArray[np.bool_]
truths = arrays(np.bool_, (9, 12))


def pixels(points: npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
    return np.floor(points).astype(np.int64)


@given(truths)
@settings(max_examples=60, deadline=None)
def test_regions_are_the_components_and_all_of_the_truth(truth: Truth) -> None:
    found = regions(truth)
    assert len(found) == ndimage.label(truth, np.ones((3, 3)))[1]
    again = np.zeros_like(truth)
    for region in found:
        high, wide = region.mask.shape
        again[region.top : region.top + high, region.left : region.left + wide] |= region.mask
    assert np.array_equal(again, truth)
    assert len(regions(truth, whole=True)) == int(truth.any())


@given(truths, st.booleans(), st.integers(1, 10))
@settings(max_examples=60, deadline=None)
def test_points_lie_in_their_region_and_boxes_just_hold_it(truth: Truth, whole: bool, count: int) -> None:
    found = regions(truth, whole=whole)
    if not found:
        return
    drawn = random_points(found, count, "case 1")
    assert drawn.shape == (len(found), count, 2)
    for points in (drawn, centres(found)):
        x, y = pixels(points)[..., 0], pixels(points)[..., 1]
        assert truth[y, x].all()
    for number, region in enumerate(found):
        there = {tuple(point) for point in pixels(drawn)[number].tolist()}
        assert len(there) == min(count, int(region.mask.sum())) or region.mask.sum() < count
        (x0, y0), (x1, y1) = boxes(found)[number].astype(int)
        assert truth[y0:y1, x0:x1].sum() >= region.mask.sum()
        assert (y1 - y0, x1 - x0) == region.mask.shape


def test_a_draw_depends_on_the_case_and_the_seed_alone() -> None:
    found = regions(np.ones((40, 50), np.bool_))
    first = random_points(found, 5, "a")
    np.random.default_rng().random(7)
    assert np.array_equal(first, random_points(found, 5, "a"))
    assert not np.array_equal(first, random_points(found, 5, "b"))
    assert not np.array_equal(first, random_points(found, 5, "a", seed=1))


def test_the_centre_of_a_ring_is_not_in_its_hole() -> None:
    rows, columns = np.mgrid[:41, :41]
    distance = np.hypot(rows - 20, columns - 20)
    ring = (distance < 19) & (distance > 9)
    x, y = pixels(centres(regions(ring)))[0, 0]
    assert ring[y, x] and distance[y, x] == pytest.approx(14, abs=1.5)


def test_the_grid_fills_the_image_evenly() -> None:
    points = grid((30, 60), 3)
    assert points.shape == (9, 1, 2)
    assert sorted(set(points[..., 0].ravel())) == [10, 30, 50]
    assert sorted(set(points[..., 1].ravel())) == [5, 15, 25]
