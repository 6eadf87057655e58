"""Views are drawn once and replayed to the bit; image, mask and valid area move together."""

from __future__ import annotations

import colorsys
import json

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from autosam.core.letterbox import Frame, Letterbox
from autosam.data.augment import AUGMENTATIONS, IDENTITY, View, apply, draw

ANGLES = st.sampled_from([0.0, 90.0, -90.0, 180.0, 270.0, 17.5, -63.0])
VIEWS = st.builds(View, st.booleans(), st.booleans(), ANGLES, st.sampled_from([1.0, 0.8, 1.2]))


def _frame(high: int = 40, wide: int = 64, size: int = 64, seed: int = 0) -> Frame:
    rng = np.random.default_rng(seed)
    mask = np.zeros((high, wide), np.bool_)
    mask[high // 4 : high // 2, wide // 4 : wide // 2] = True
    rgb = rng.integers(1, 256, (high, wide, 3)).astype(np.uint8)
    rgb[mask] = (255, 255, 255)
    rgb[~mask] //= 4
    return Letterbox(size, high, wide).frame(rgb, mask)


def _same(a: Frame, b: Frame) -> None:
    np.testing.assert_array_equal(a.image, b.image)
    np.testing.assert_array_equal(a.valid, b.valid)
    np.testing.assert_array_equal(a.mask, b.mask)  # type: ignore[arg-type]


def test_identity_changes_nothing() -> None:
    frame = _frame()
    assert apply(IDENTITY, frame) is frame
    assert draw(AUGMENTATIONS["none"], np.random.default_rng(0)) == IDENTITY


@pytest.mark.parametrize("name", sorted(AUGMENTATIONS))
def test_every_preset(name: str) -> None:
    augmentation = AUGMENTATIONS[name]
    frame = _frame()
    before = frame.image.copy()
    for seed in range(4):
        view = draw(augmentation, np.random.default_rng(seed))
        assert view == draw(augmentation, np.random.default_rng(seed))
        assert View(**json.loads(json.dumps(view.as_dict()))) == view
        assert abs(view.angle) <= augmentation.rotation
        assert augmentation.scale[0] <= view.scale <= augmentation.scale[1]
        assert abs(view.hue) <= augmentation.hue
        assert abs(view.brightness - 1) <= augmentation.brightness
        moved = apply(view, frame)
        _same(moved, apply(view, frame))
        assert (moved.image.dtype, moved.image.shape, moved.image.flags.c_contiguous) == (np.uint8, (64, 64, 3), True)
        assert moved.mask is not None
        assert not moved.image[~moved.valid].any()
        assert not (moved.mask & ~moved.valid).any()
    np.testing.assert_array_equal(frame.image, before)


def test_draws_do_not_depend_on_ranges() -> None:
    rngs = [np.random.default_rng(5) for _ in AUGMENTATIONS]
    for augmentation, rng in zip(AUGMENTATIONS.values(), rngs, strict=True):
        draw(augmentation, rng)
    assert len({rng.random() for rng in rngs}) == 1


@given(VIEWS)
def test_mask_follows_the_image(view: View) -> None:
    moved = apply(view, _frame())
    assert moved.mask is not None
    bright = moved.image.min(axis=2) > 160
    assert (bright != moved.mask).sum() <= 0.3 * max(20, moved.mask.sum())


@given(VIEWS)
def test_nothing_is_lost_where_there_is_room(view: View) -> None:
    frame = _frame(30, 40, 96)
    small = Frame(frame.image[:96, :96], frame.valid & (np.arange(96) < 40) & (np.arange(96)[:, None] < 30), frame.mask)
    small = Frame(small.image * small.valid[:, :, None], small.valid, None)
    moved = apply(view, small)
    assert moved.valid.sum() == pytest.approx(small.valid.sum() * view.scale**2, rel=0.06)


@pytest.mark.parametrize("turns", [0, 1, 2, 3])
def test_right_angles_are_exact(turns: int) -> None:
    frame = _frame(64, 64)
    moved = apply(View(hflip=True, angle=90.0 * turns), frame)
    np.testing.assert_array_equal(moved.image, np.rot90(frame.image[:, ::-1], turns))
    np.testing.assert_array_equal(moved.mask, np.rot90(frame.mask[:, ::-1], turns))  # type: ignore[index]
    near = apply(View(hflip=True, angle=90.0 * turns, scale=1 + 1e-9), frame)
    assert np.abs(near.image.astype(int) - moved.image).max() <= 1
    np.testing.assert_array_equal(near.mask, moved.mask)  # type: ignore[arg-type]


def test_flips_undo_themselves() -> None:
    frame = _frame()
    for view in (View(hflip=True), View(vflip=True), View(angle=180.0)):
        _same(apply(view, apply(view, frame)), frame)


def test_threads_do_not_matter() -> None:
    frame = _frame(200, 256, 256)
    view = View(True, False, 23.0, 1.1, 1.2, 0.8, 1.3, 0.07)
    threads = torch.get_num_threads()
    try:
        results = []
        for count in (1, 2, 3):
            torch.set_num_threads(count)
            results.append(apply(view, frame))
    finally:
        torch.set_num_threads(threads)
    _same(results[0], results[1])
    _same(results[0], results[2])


@pytest.mark.parametrize(
    "view",
    [
        View(brightness=1.3),
        View(contrast=0.6),
        View(saturation=1.7),
        View(hue=0.21),
        View(hue=-0.4),
        View(brightness=0.8, contrast=1.4, saturation=0.5, hue=0.1),
    ],
)
def test_colour_against_a_plain_restatement(view: View) -> None:
    frame = _frame(24, 32, 32, seed=1)
    inside = frame.image[frame.valid].astype(np.float64) / 255
    weights = np.array([0.2989, 0.587, 0.114])
    expected = np.clip(inside * view.brightness, 0, 1)
    expected = np.clip(view.contrast * expected + (1 - view.contrast) * (expected @ weights).mean(), 0, 1)
    expected = np.clip(view.saturation * expected + (1 - view.saturation) * (expected @ weights)[:, None], 0, 1)
    turned = []
    for pixel in expected:
        hue, saturation, value = colorsys.rgb_to_hsv(*pixel)
        turned.append(colorsys.hsv_to_rgb((hue + view.hue) % 1, saturation, value))
    moved = apply(view, frame)
    assert np.abs(moved.image[moved.valid] - 255 * np.array(turned)).max() <= 0.51
    assert not moved.image[~moved.valid].any()
    np.testing.assert_array_equal(moved.mask, frame.mask)  # type: ignore[arg-type]


def test_a_frame_without_valid_pixels_stays_black() -> None:
    empty = Frame(np.zeros((8, 8, 3), np.uint8), np.zeros((8, 8), np.bool_))
    assert not apply(View(angle=30.0, brightness=1.2, contrast=1.3), empty).image.any()
