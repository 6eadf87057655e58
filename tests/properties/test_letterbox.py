"""The letterbox and its way back, over every size that an image has."""

from __future__ import annotations

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st

from autosam.core.letterbox import Letterbox

# Small sizes, where borders matter, as often as any up to those of a camera.
heights = st.one_of(st.integers(1, 40), st.integers(1, 4000))
widths = st.one_of(st.integers(1, 40), st.integers(1, 3000))
boxes = st.builds(Letterbox, st.sampled_from([32, 64, 256]), heights, widths)
small = st.builds(Letterbox, st.sampled_from([32, 64]), st.integers(1, 200), st.integers(1, 200))
seeds = st.integers(0, 2**32 - 1)


@given(boxes, st.sampled_from([16, 64]))
def test_the_way_back_has_the_size_of_the_image(box: Letterbox, side: int) -> None:
    assert box.undo(torch.zeros(side, side)).shape == (box.height, box.width)


@given(boxes)
def test_the_image_fills_one_side_and_fits_the_other(box: Letterbox) -> None:
    assert max(box.inner) == box.size
    assert min(box.inner) >= 1


@given(boxes, seeds)
def test_points_return_within_half_a_pixel_of_the_network(box: Letterbox, seed: int) -> None:
    points = np.random.default_rng(seed).uniform(0, 1, (8, 2)) * (box.width, box.height)
    there = box.to_square(points)
    high, wide = box.inner
    assert np.all((there >= 0) & (there <= (wide + 1e-9, high + 1e-9)))
    # As a network sees them: at the centre of one of its pixels.
    pixels = np.clip(np.floor(there), 0, (wide - 1, high - 1)) + 0.5
    back = box.to_image(pixels)
    half = 0.5 * np.array([box.width / wide, box.height / high])
    assert np.all(np.abs(back - points) <= half + 1e-6)


@given(boxes, st.floats(-1e4, 1e4, width=32), st.sampled_from([16, 64]))
def test_a_constant_map_returns_unchanged(box: Letterbox, value: float, side: int) -> None:
    back = box.undo(torch.full((side, side), value))
    assert torch.allclose(back, torch.tensor(value), rtol=1e-5, atol=1e-6)


@given(small, st.booleans())
def test_a_constant_mask_returns_unchanged(box: Letterbox, value: bool) -> None:
    mask = np.full((box.height, box.width), value)
    frame = box.frame(np.zeros((box.height, box.width, 3), np.uint8), mask)
    assert frame.mask is not None
    assert np.array_equal(frame.mask, frame.valid & value)
    back = box.undo(torch.from_numpy(frame.mask).to(torch.float32)) >= 0.5
    assert bool((back == value).all())


@given(boxes, st.sampled_from([1e6, -1e6, float("inf"), float("nan")]))
def test_padding_never_reaches_the_result(box: Letterbox, poison: float) -> None:
    high, wide = box.inner
    logits = torch.full((box.size, box.size), poison)
    logits[:high, :wide] = 1.0
    if np.isfinite(poison):
        assert torch.allclose(box.undo(logits), torch.ones(()))
    else:
        assert bool(torch.isfinite(box.undo(logits.clamp(-1e6, 1e6).nan_to_num(7e5))).all())


@given(small, seeds)
def test_padding_never_reaches_the_frame(box: Letterbox, seed: int) -> None:
    rgb = np.random.default_rng(seed).integers(1, 256, (box.height, box.width, 3), dtype=np.uint8)
    frame = box.frame(rgb)
    high, wide = box.inner
    assert int(frame.valid.sum()) == high * wide
    assert not frame.image[~frame.valid].any()
    assert frame.image[:high, :wide].min() >= rgb.min()
    assert frame.image[:high, :wide].max() <= rgb.max()


@given(st.sampled_from([32, 64]), st.integers(1, 64), st.booleans(), seeds)
def test_what_is_not_scaled_is_equal_to_the_bit(size: int, short: int, upright: bool, seed: int) -> None:
    short = min(short, size)
    high, wide = (size, short) if upright else (short, size)
    rng = np.random.default_rng(seed)
    rgb = rng.integers(0, 256, (high, wide, 3), dtype=np.uint8)
    mask = rng.random((high, wide)) < 0.5
    box = Letterbox(size, high, wide)
    frame = box.frame(rgb, mask)
    assert frame.mask is not None
    assert np.array_equal(frame.image[:high, :wide], rgb)
    assert np.array_equal(frame.mask[:high, :wide], mask)
    logits = torch.from_numpy(rng.standard_normal((size, size)).astype(np.float32))
    assert torch.equal(box.undo(logits), logits[:high, :wide])
