"""How many views fit the time that is left."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from autosam.core.letterbox import Letterbox, PixelRule
from autosam.training.cached import Cached
from autosam.training.config import TrainConfig
from autosam.training.pictures import PREVIEWED
from autosam.training.views import (
    SHORT_SECONDS,
    SHORT_TILE_SHARE,
    choose_views,
    embedding_pace,
    embedding_seconds,
    first_view_seconds,
    fitting_frames,
    fitting_validation,
    views_in_words,
    views_on_disk,
)

SECONDS = st.floats(1, 36_000)
PACE = st.floats(0.001, 30)
CASES = st.integers(1, 500)


@given(most=st.integers(1, 16), pace=PACE, left=SECONDS, train=CASES, val=st.integers(0, 100))
def test_views_fit_the_time_or_are_live(most: int, pace: float, left: float, train: int, val: int) -> None:
    chosen = choose_views(most, pace, left, train=train, val=val)
    assert 0 <= chosen <= most
    if chosen > 1:
        assert (chosen * train + val) * pace <= embedding_seconds(left) * (1 + 1e-9)
    if chosen == 1:
        assert (train + val) * pace <= first_view_seconds(left)
    if chosen == 0:
        assert (train + val) * pace > first_view_seconds(left)
    assert choose_views(most, pace, left * 2, train=train, val=val) >= chosen, "more time never means fewer views"
    assert choose_views(most, None, left, train=train, val=val) == most


@given(most=st.integers(1, 8), pace=PACE, left=SECONDS, train=CASES, val=st.integers(0, 100), held=st.integers(0, 8))
def test_cached_views_cost_no_time(most: int, pace: float, left: float, train: int, val: int, held: int) -> None:
    cached = Cached((0.0,) * held, 0.0)
    chosen = choose_views(most, pace, left, train=train, val=val, cached=cached)
    assert chosen >= max(min(held, most), choose_views(most, pace, left, train=train, val=val))
    if chosen > max(1, held):
        assert (chosen - held) * train * pace <= embedding_seconds(left) * (1 + 1e-9)
    if held:
        assert fitting_validation(pace, left, train=train, val=val, frames=max(1, val), cached=cached) == val


@given(pace=PACE, left=st.floats(-100, 36_000), train=CASES, val=st.integers(0, 300), tiles=st.integers(1, 20))
def test_validation_fits_the_time(pace: float, left: float, train: int, val: int, tiles: int) -> None:
    chosen = fitting_validation(pace, left, train=train, val=val, frames=max(1, val * tiles))
    assert min(val, PREVIEWED) <= chosen <= val
    if chosen > PREVIEWED:
        assert chosen * tiles * pace <= first_view_seconds(left) * (1 + 1e-9)
    if chosen < val:
        assert choose_views(8, pace, left, train=train, val=val * tiles) == 0, "all, where one view of everything fits"
    assert fitting_validation(pace, 2 * abs(left), train=train, val=val, frames=max(1, val * tiles)) >= chosen
    assert fitting_validation(None, left, train=train, val=val, frames=max(1, val * tiles)) == val


@given(pace=PACE, left=SECONDS, images=CASES)
def test_tiles_that_were_cut_to_fit_are_cached(pace: float, left: float, images: int) -> None:
    frames = fitting_frames(pace, left)
    assert frames is not None
    if frames - 3 >= images:
        assert choose_views(8, pace, left, train=frames - 3, val=3) >= 1


@given(views=st.integers(0, 16), train=CASES, val=st.integers(0, 100), room=st.integers(0, 9999))
def test_views_fit_the_disk_or_are_one(views: int, train: int, val: int, room: int) -> None:
    config = TrainConfig(data=Path("d"), views=views, minutes=1)
    chosen = views_on_disk(config, train=train, val=val, room=room)
    assert min(1, views) <= chosen <= views
    if chosen > 1:
        assert chosen * train + val <= room
    if chosen < views:
        assert (chosen + 1) * train + val > room, "as many as there is room for"


@given(left=SECONDS, pace=PACE)
def test_frames_fit_the_time(left: float, pace: float) -> None:
    assert fitting_frames(None, left) is None
    frames = fitting_frames(pace, left)
    assert frames is not None
    assert frames * pace <= embedding_seconds(left, SHORT_TILE_SHARE) * (1 + 1e-9) < left


def test_a_short_training_keeps_most_of_its_time_for_steps() -> None:
    short, long = SHORT_SECONDS - 1, SHORT_SECONDS
    assert embedding_seconds(short) / short < embedding_seconds(long) / long <= 0.5


@pytest.mark.parametrize("left", [60.0, 6000.0])
def test_live_training_has_no_cached_views(left: float) -> None:
    assert choose_views(0, 1.0, left, train=10, val=2) == 0


@pytest.mark.parametrize(("views", "said"), [(0, "live views"), (1, "1 view"), (5, "5 views")])
def test_views_are_told_in_words(views: int, said: str) -> None:
    assert views_in_words(views) == said


def test_the_pace_is_that_of_embeddings_that_are_there() -> None:
    waited: list[object] = []

    class Encodes:
        rule = PixelRule(8)

        def __call__(self, pixels: torch.Tensor) -> SimpleNamespace:
            return SimpleNamespace(to=lambda *where: waited.append(where))

    frame = Letterbox(8, 8, 8).frame(np.zeros((8, 8, 3), np.uint8))
    examples = SimpleNamespace(workers=1, data=range(3), frame=lambda _: frame, embed=SimpleNamespace(encode=Encodes()))
    assert embedding_pace(examples) > 0  # type: ignore[arg-type]
    assert waited == [("cpu", torch.float16)] * 3
