"""Maps made of tiles: no seam, the same operator for logits, surrogate and prompt, and one tile is the image itself."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from autosam.core.errors import ModelError
from autosam.core.letterbox import Frame
from autosam.core.probability import Mapping, probability
from autosam.core.sample import Sample
from autosam.inference.predict import Predictor
from autosam.inference.tiles import maps_of
from autosam.models.segmenter import Masks

CELLS = 8


class Reads:
    """A masker whose logits are the red of its frame; h's are minus that, the prompt is its mean in cells."""

    frame_size = 64
    mapping: Mapping = "sigmoid"

    def __init__(self, of: Callable[[Frame], np.ndarray] = lambda frame: frame.image[..., 0]) -> None:
        self.of, self.calls = of, 0

    def __call__(self, frame: Frame) -> Masks:
        self.calls += 1
        logits = torch.from_numpy(self.of(frame).astype(np.float32))[None, None] / 16
        dense = torch.nn.functional.avg_pool2d(logits, self.frame_size // CELLS).repeat(1, 3, 1, 1)
        return Masks(logits, dense, -logits)


@settings(deadline=None, max_examples=25)
@given(st.integers(1, 260), st.integers(1, 260), st.one_of(st.none(), st.integers(32, 200)))
def test_constant_logits_come_back(height: int, width: int, tile: int | None) -> None:
    rgb = np.zeros((height, width, 3), np.uint8)
    maps = maps_of(Reads(lambda frame: np.full((64, 64), 40)), rgb, tile, prompt=True)
    assert maps.surrogate is not None and maps.prompt is not None
    assert maps.logits.shape == maps.surrogate.shape == (height, width)
    assert torch.allclose(maps.logits, torch.tensor(2.5), atol=1e-5)
    assert torch.allclose(maps.surrogate, torch.tensor(-2.5), atol=1e-5)
    high, wide = (max(1, int(CELLS * side / max(height, width) + 0.5)) for side in (height, width))
    assert torch.allclose(maps.prompt[:, :high, :wide], torch.tensor(2.5), atol=1e-5)
    assert len(maps_of(Reads(), rgb, tile).logits) == height and maps_of(Reads(), rgb, tile).prompt is None


def test_smooth_logits_come_back() -> None:
    rows, columns = np.mgrid[:300, :420]
    red = 120 + 60 * np.sin(rows / 60) + 60 * np.cos(columns / 80)
    rgb = np.repeat(red[..., None], 3, axis=2).round().astype(np.uint8)
    maps = maps_of(Reads(), rgb, 100, prompt=True)
    # Half a gray level of rounding and the tiles' own resize are all that is left.
    assert np.abs(maps.logits.numpy() - red / 16).max() < 0.1
    assert maps.prompt is not None
    whole = maps_of(Reads(), rgb, None, prompt=True).prompt
    assert whole is not None
    assert maps.prompt.shape == whole.shape == (3, CELLS, CELLS)
    # Levels go from 0 to 15; cells this coarse do not end where the image does, and the sixth row straddles padding.
    assert (maps.prompt - whole)[:, :5].abs().max() < 0.6
    assert not maps.prompt[:, 6:].any()


def test_tiles_that_disagree_leave_no_seam() -> None:
    rng = np.random.default_rng(0)
    levels = rng.permutation(np.linspace(0, 255, 16))
    masker = Reads()
    masker.of = lambda frame: np.full((64, 64), levels[masker.calls - 1])
    logits = maps_of(masker, np.zeros((400, 400, 3), np.uint8), 128).logits.numpy()
    assert masker.calls == 16
    steps = max(np.abs(np.diff(logits, axis=axis)).max() for axis in (0, 1))
    # A seam would be a step of the whole difference at once.
    assert steps < 0.25 * (levels.max() - levels.min()) / 16


@pytest.mark.parametrize("size", [(1, 1), (64, 64), (20, 100), (100, 37)])
def test_an_image_no_larger_than_a_tile_is_one_frame(size: tuple[int, int]) -> None:
    rgb = np.random.default_rng(0).integers(0, 256, (*size, 3), dtype=np.uint8)
    masker = Reads()
    tiled, whole = (maps_of(masker, rgb, tile, prompt=True) for tile in (100, None))
    assert masker.calls == 2
    for first, second in (
        (tiled.logits, whole.logits),
        (tiled.surrogate, whole.surrogate),
        (tiled.prompt, whole.prompt),
    ):
        assert first is not None and second is not None and torch.equal(first, second)


def test_minmax_takes_the_extremes_of_the_whole_image() -> None:
    masker = Reads()
    masker.mapping = "minmax"
    rgb = np.tile(np.linspace(0, 255, 300).astype(np.uint8)[None, :, None], (90, 1, 3))
    predicted = Predictor(masker, tile=100, keep_prompt=True).predict(Sample("a", rgb))
    maps = maps_of(Reads(), rgb, 100)
    np.testing.assert_allclose(predicted.probability, probability(maps.logits, "minmax").numpy())
    assert predicted.probability.min() == 0 and predicted.probability.max() == 1
    assert (np.diff(predicted.probability[40]) >= -1e-6).all()
    assert predicted.prompt is not None and predicted.surrogate is not None


@pytest.mark.parametrize("wrong", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("tile", [None, 64])
@pytest.mark.parametrize("mirror", [False, True])
def test_no_mask_is_made_of_logits_that_are_no_numbers(wrong: float, tile: int | None, mirror: bool) -> None:
    def one_wrong(frame: Frame) -> np.ndarray:
        logits = frame.image[..., 0].astype(np.float32)
        logits[5, 7] = wrong
        return logits

    predictor = Predictor(Reads(one_wrong), tile=tile, mirror=mirror)
    with pytest.raises(ModelError, match="no finite numbers") as told:
        predictor.predict(Sample("a", np.zeros((90, 100, 3), np.uint8)))
    assert "--engine torch --precision float32" in told.value.message
