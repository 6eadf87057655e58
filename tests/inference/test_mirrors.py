"""Averages over mirror images: what they make of any masker, and where they are refused or told of."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from autosam.core.errors import UsageError
from autosam.core.letterbox import Frame
from autosam.core.probability import Mapping
from autosam.core.sample import Sample
from autosam.inference.mirrors import MIRRORS, mirrored_maps_of
from autosam.inference.predict import Predictor
from autosam.inference.tiles import maps_of
from autosam.inference.video import ClipPredictor
from autosam.models.segmenter import Masks

SIDE = 32
AXES = st.sampled_from(MIRRORS)


class Lopsided:
    """A masker that trusts the right and the lower half of its frame more; without a lean it treats all alike."""

    frame_size = SIDE
    mapping: Mapping = "sigmoid"

    def __init__(self, lean: float) -> None:
        ramp = torch.linspace(-lean, lean, SIDE)
        self.trust = 1 + ramp[:, None] + ramp
        self.calls = 0

    def __call__(self, frame: Frame) -> Masks:
        self.calls += 1
        red = torch.from_numpy(frame.image[..., 0].astype(np.float32)) / 16
        logits = (red * self.trust)[None, None]
        return Masks(logits, logits.repeat(1, 3, 1, 1), -logits)


def _image(height: int, width: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


@settings(deadline=None, max_examples=40)
@given(st.integers(1, 70), st.integers(1, 70), AXES, st.one_of(st.none(), st.just(32)))
def test_a_mirror_image_gets_mirrored_maps(height: int, width: int, axes: tuple[int, ...], tile: int | None) -> None:
    rgb = _image(height, width)
    masker = Lopsided(0.4)
    straight = mirrored_maps_of(masker, rgb, tile)
    turned = mirrored_maps_of(masker, np.ascontiguousarray(np.flip(rgb, axes)), tile)
    assert straight.surrogate is not None and turned.surrogate is not None
    assert torch.allclose(turned.logits.flip(axes), straight.logits, atol=1e-4)
    assert torch.allclose(turned.surrogate.flip(axes), straight.surrogate, atol=1e-4)


def test_a_masker_that_leans_is_set_upright() -> None:
    rgb = _image(SIDE, SIDE)
    upright, leaning = maps_of(Lopsided(0.0), rgb, None).logits, maps_of(Lopsided(0.4), rgb, None).logits
    mended = mirrored_maps_of(Lopsided(0.4), rgb, None).logits
    assert torch.allclose(mended, upright, atol=1e-4)
    assert not torch.allclose(leaning, upright, atol=0.5)


def test_it_costs_four_images_and_the_prompt_is_the_image_s_own() -> None:
    rgb = _image(20, 30)
    masker = Lopsided(0.4)
    sample = Sample("a", rgb)
    mirrored = Predictor(masker, keep_prompt=True, mirror=True).predict(sample)
    assert masker.calls == 4
    plain = Predictor(masker, keep_prompt=True).predict(sample)
    assert masker.calls == 5
    assert mirrored.prompt is not None and plain.prompt is not None
    assert np.array_equal(mirrored.prompt, plain.prompt)
    assert mirrored.probability.shape == plain.probability.shape == (20, 30)
    assert not np.allclose(mirrored.probability, plain.probability)


def test_an_average_over_frames_and_one_over_mirrors_exclude_each_other() -> None:
    predictor = Predictor(Lopsided(0.0), mirror=True)
    with pytest.raises(UsageError, match="exclude each other"):
        ClipPredictor(predictor, 0.5)
    ClipPredictor(predictor)
