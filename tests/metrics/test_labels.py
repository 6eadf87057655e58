"""Objects of masks and label maps, and their overlaps, against sets of pixels."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from skimage.measure import label

from autosam.metrics.labels import pairing

SHAPES = array_shapes(min_dims=2, max_dims=2, max_side=8)
PAIRS = SHAPES.flatmap(lambda shape: st.tuples(*[arrays(np.int16, shape, elements=st.integers(0, 4))] * 2))


@given(pair=PAIRS)
def test_overlaps_are_those_of_sets_of_pixels(pair: tuple[np.ndarray, np.ndarray]) -> None:
    sides = [[set(zip(*np.nonzero(side == n), strict=True)) for n in np.unique(side) if n] for side in pair]
    pairs = pairing(*pair)
    assert pairs.truth_areas.tolist() == [len(one) for one in sides[0]]
    assert pairs.predicted_areas.tolist() == [len(one) for one in sides[1]]
    expected = [(i, j, len(a & b)) for i, a in enumerate(sides[0]) for j, b in enumerate(sides[1]) if a & b]
    assert list(zip(pairs.i, pairs.j, pairs.shared, strict=True)) == expected
    back = pairs.swapped()
    assert list(zip(back.j, back.i, back.shared, strict=True)) == sorted(expected, key=lambda one: (one[1], one[0]))
    partner, shared = pairs.partners()
    for i, one in enumerate(sides[0]):
        most = max((len(one & other) for other in sides[1]), default=0)
        first = next(j for j, other in enumerate(sides[1]) if len(one & other) == most) if most else -1
        assert (partner[i], shared[i]) == (first, most)


@given(mask=arrays(np.bool_, SHAPES))
def test_objects_of_a_mask_are_its_8_connected_parts(mask: np.ndarray) -> None:
    found, parts = pairing(mask, mask).truth, label(mask, connectivity=2)
    assert len(np.unique(found)) == len(np.unique(parts)) == len(set(zip(found.flat, parts.flat, strict=True)))


def test_refuses_what_are_not_two_pictures_of_objects() -> None:
    good = np.zeros((3, 4), np.int32)
    with pytest.raises(ValueError, match="one shape"):
        pairing(good, good.T)
    with pytest.raises(ValueError, match="prediction must be"):
        pairing(good, good.astype(np.float32))  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="truth must be"):
        pairing(good[:0], good[:0])
    with pytest.raises(ValueError, match="-1"):
        pairing(good - 1, good)
