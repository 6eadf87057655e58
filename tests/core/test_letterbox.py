"""Properties of the geometry: sizes, the way back, padding."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from autosam.core.letterbox import Frame, Letterbox, PixelRule

sides = st.integers(1, 300)
boxes = st.builds(Letterbox, st.sampled_from([32, 64, 96]), sides, sides)


@settings(max_examples=60, deadline=None)
@given(boxes, st.sampled_from([16, 32, 64]))
def test_undo_gives_the_image_size_and_keeps_constants(box: Letterbox, side: int) -> None:
    back = box.undo(torch.full((2, 1, side, side), 3.25))
    assert back.shape == (2, 1, box.height, box.width)
    assert torch.allclose(back, torch.tensor(3.25))


@settings(max_examples=60, deadline=None)
@given(boxes)
def test_padding_never_reaches_the_result(box: Letterbox) -> None:
    high, wide = box.inner
    logits = torch.full((box.size, box.size), 1e6)
    logits[:high, :wide] = 1.0
    assert torch.allclose(box.undo(logits), torch.ones(box.height, box.width))


@settings(max_examples=60, deadline=None)
@given(boxes, st.integers(0, 2**16))
def test_points_return_within_half_a_network_pixel(box: Letterbox, seed: int) -> None:
    points = np.random.default_rng(seed).uniform(0, 1, (5, 2)) * (box.width, box.height)
    there = box.to_square(points)
    assert np.all(there <= np.array([box.inner[1], box.inner[0]]) + 1e-9)
    assert np.allclose(box.to_image(there), points)


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 64), st.integers(0, 2**16))
def test_nothing_scaled_is_equal_to_the_bit(short: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    rgb = rng.integers(0, 256, (short, 64, 3), dtype=np.uint8)
    mask = rng.integers(0, 2, (short, 64)).astype(bool)
    box = Letterbox(64, short, 64)
    frame = box.frame(rgb, mask)
    assert frame.mask is not None
    assert np.array_equal(frame.image[:short], rgb)
    assert np.array_equal(frame.mask[:short], mask)
    logits = torch.from_numpy(rng.standard_normal((64, 64)).astype(np.float32))
    assert torch.equal(box.undo(logits), logits[:short])


@pytest.mark.parametrize("size", [(1, 1), (1, 9), (9, 1), (9, 7)])
def test_a_view_that_was_turned_is_as_good_as_its_copy(size: tuple[int, int]) -> None:
    rng = np.random.default_rng(0)
    rgb, mask = rng.integers(0, 256, (*size, 3), dtype=np.uint8)[::-1, ::-1], rng.integers(0, 2, size)[::-1] > 0
    box = Letterbox(16, *size)
    turned, copied = box.frame(rgb, mask), box.frame(rgb.copy(), mask.copy())
    assert np.array_equal(turned.image, copied.image)
    assert turned.mask is not None and copied.mask is not None
    assert np.array_equal(turned.mask, copied.mask)


@pytest.mark.parametrize("size", [(1, 1), (2, 2), (1, 20000), (4000, 3000), (255, 257)])
def test_any_size_makes_a_frame(size: tuple[int, int]) -> None:
    box = Letterbox(64, *size)
    frame = box.frame(np.full((*size, 3), 200, np.uint8), np.ones(size, bool))
    high, wide = box.inner
    assert frame.image.shape == (64, 64, 3)
    assert frame.valid.sum() == high * wide
    assert frame.mask is not None
    assert np.array_equal(frame.mask, frame.valid)
    assert np.all(frame.image[frame.valid] == 200)
    assert np.all(frame.image[~frame.valid] == 0)


def test_the_mask_keeps_its_area() -> None:
    mask = np.zeros((300, 400), bool)
    mask[60:180, 100:300] = True
    frame = Letterbox(64, 300, 400).frame(np.zeros((300, 400, 3), np.uint8), mask)
    assert frame.mask is not None
    assert abs(frame.mask.sum() / frame.valid.sum() - mask.mean()) < 0.01


def test_pixels_are_scaled_once_and_padded_after() -> None:
    rng = np.random.default_rng(0)
    rgb = rng.integers(20, 220, (32, 64, 3), dtype=np.uint8)
    frame = Letterbox(64, 32, 64).frame(rgb)
    stretched = frame.pixels(PixelRule(64, "minmax"))
    assert stretched[:, :32].min() == 0
    assert stretched[:, :32].max() == 1
    assert torch.equal(stretched[:, 32:], torch.zeros(3, 32, 64))
    normal = frame.pixels(PixelRule(64, "imagenet"))
    mean, std = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])
    wanted = ((rgb / 255 - mean) / std).transpose(2, 0, 1)
    assert np.allclose(normal[:, :32].numpy(), wanted, atol=1e-4)
    assert torch.equal(normal[:, 32:], torch.zeros(3, 32, 64))


def test_a_constant_image_has_finite_pixels() -> None:
    frame = Frame(np.full((16, 16, 3), 7, np.uint8), np.ones((16, 16), bool))
    assert torch.isfinite(frame.pixels(PixelRule(16, "minmax"))).all()
