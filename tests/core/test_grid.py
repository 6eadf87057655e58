"""Windows cover every pixel of an image of any size, and their weights sum to one."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from autosam.core.grid import OVERLAP, Grid, side_for

LENGTHS = st.integers(1, 3000)
TILES = st.one_of(st.none(), st.integers(32, 1200))


@settings(deadline=None, max_examples=50)
@given(LENGTHS, LENGTHS, TILES)
def test_windows_of_one_size_cover_the_image(height: int, width: int, tile: int | None) -> None:
    grid = Grid(height, width, tile)
    windows = grid.windows
    assert len(grid) == len(windows) == len(set(windows))
    sizes = (min(height, tile or height), min(width, tile or width))
    assert {(window.height, window.width) for window in windows} == {sizes}
    for length, side, starts in (
        (height, sizes[0], sorted({window.top for window in windows})),
        (width, sizes[1], sorted({window.left for window in windows})),
    ):
        assert starts[0] == 0 and starts[-1] + side == length
        assert all(a + side - b >= int(side * OVERLAP) for a, b in pairwise(starts))
        # One window less would not do.
        assert len(starts) == 1 or (len(starts) - 1) * (side - int(side * OVERLAP)) + int(side * OVERLAP) < length


@settings(deadline=None, max_examples=50)
@given(LENGTHS, LENGTHS, TILES)
def test_the_weights_of_a_pixel_sum_to_one(height: int, width: int, tile: int | None) -> None:
    grid = Grid(height, width, tile)
    rows, columns = np.zeros(height), np.zeros(width)
    for window in grid.windows:
        # The weights are products, so that one column and one row of windows say it of all.
        if window.left == 0:
            rows[window.area[0]] += grid.weights(window)[0]
        if window.top == 0:
            columns[window.area[1]] += grid.weights(window)[1]
    np.testing.assert_allclose(rows, 1, atol=3e-7)
    np.testing.assert_allclose(columns, 1, atol=3e-7)


@settings(deadline=None, max_examples=50)
@given(st.integers(33, 3000), st.integers(32, 1200))
@example(313, 312)
def test_weights_change_smoothly(length: int, tile: int) -> None:
    grid = Grid(1, length, tile)
    shared = max(2, int(min(tile, length) * OVERLAP))
    apart = min((b.left - a.left for a, b in pairwise(grid.windows)), default=shared)
    # Windows a few pixels apart see the same, and pass on to each other within those: from 1 to 9/10 to 25/34 ...
    steepest = max(2 * np.pi / shared, 0.17 if apart < shared else 0)
    for window in grid.windows:
        weights = grid.weights(window)[1]
        assert (weights > 0).all()
        assert np.abs(np.diff(weights)).max() < steepest
        # An edge inside of the image begins and ends next to nothing, so that no seam is left.
        for edge, inside in ((weights[0], window.left > 0), (weights[-1], window.left + window.width < length)):
            assert edge < 0.12 if inside else edge == 1


def test_a_single_window_weighs_exactly_one() -> None:
    for size in ((7, 5), (64, 64), (1, 200)):
        grid = Grid(*size, 200)
        (window,) = grid.windows
        assert all((weights == 1).all() for weights in grid.weights(window))


@settings(deadline=None, max_examples=50)
@given(st.integers(64, 3000), st.integers(2, 8))
def test_the_least_side_of_so_many_parts(length: int, parts: int) -> None:
    side = side_for(length, parts)
    assert len(Grid(1, length, side)) <= parts
    assert len(Grid(1, length, int(side * 0.9))) >= parts


@pytest.mark.parametrize(
    ("size", "tile", "number"), [((1000, 1000), 276, 16), ((1000, 300), 364, 3), ((522, 775), 900, 1)]
)
def test_known_numbers(size: tuple[int, int], tile: int, number: int) -> None:
    assert len(Grid(*size, tile)) == number
