from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autosam.core.progress import Silent
from autosam.training import pace as pace_module
from autosam.training.cases import read_cases
from autosam.training.config import TrainConfig
from autosam.training.encoding import find_encoder, make_encoding
from autosam.training.networks import make_networks
from autosam.training.pace import Pace, measure
from autosam.training.pictures import PREVIEWED
from autosam.training.plan import CLOSING_SECONDS, FEWEST_LOOKS, MIN_STEPS, STEP_MARGIN, decide
from autosam.training.run_config import Plan
from autosam.training.tiling import Tiling
from tests.training.small import tiny_config


def plan(
    tiling: Tiling, pace: Pace | None, left: float, val: int, made: int = 4, held: int | None = None, **choices: object
) -> Plan:
    config, held = TrainConfig(data=Path(), **choices), val if held is None else held
    train = len(tiling.cases)
    return decide(config, made, pace, left, train=train, val=val, held=held, encoder=None, data="d", tiling=tiling)


@pytest.fixture(scope="module")
def whole() -> Tiling:
    # A plan counts the cases and reads none of them.
    return Tiling([None] * 10, None, 0, "whole images")  # type: ignore[arg-type]


@given(
    left=st.floats(20, 4000),
    step=st.floats(0.001, 20),
    validate=st.floats(0, 5),
    val=st.integers(0, 200),
)
def test_a_plan_fits_the_time_that_is_left(whole: Tiling, left: float, step: float, validate: float, val: int) -> None:
    made = plan(whole, Pace(step, "float32", validate), left, val, minutes=1)
    usable = left * STEP_MARGIN - CLOSING_SECONDS
    look = (val + min(PREVIEWED, val)) * validate
    looks = -(-made.steps // made.validate_every)
    assert 1 <= looks <= 16
    assert made.steps >= MIN_STEPS
    # One look and a few steps are made whatever they take.
    assert made.steps == MIN_STEPS or looks == 1 or made.steps * step + looks * look <= usable + step
    if val and 3 * 3 * look <= usable and made.steps >= 16:
        assert looks >= 3


def test_without_a_bound_the_epochs_are_kept(whole: Tiling) -> None:
    made = plan(whole, None, float("inf"), 3, epochs=7, batch=4)
    assert (made.epoch_steps, made.steps, made.step_precision) == (3, 21, "float32")


def test_the_slow_validation_of_a_short_training_is_made_once(whole: Tiling) -> None:
    made = plan(whole, Pace(6, "float32", 0.92), 131, 80, minutes=3)
    assert made.validate_every == made.steps == MIN_STEPS


def test_states_are_kept_where_nothing_is_held_out(whole: Tiling) -> None:
    made = plan(whole, Pace(1, "float32", 0.1), 600, 0, minutes=10)
    assert made.steps / made.validate_every >= FEWEST_LOOKS


@pytest.mark.parametrize(("cases", "looks"), [(10, 1), (400, FEWEST_LOOKS)])
def test_a_long_epoch_is_looked_at_more_than_once(cases: int, looks: int) -> None:
    tiling = Tiling([None] * cases, None, 0, "whole images")  # type: ignore[arg-type]
    made = plan(tiling, None, math.inf, 3, epochs=1, batch=4)
    assert -(-made.steps // made.validate_every) == looks


def test_the_line_says_what_time_has_taken(whole: Tiling) -> None:
    pace = Pace(1, "float32", 0.1)
    assert "no time" not in plan(whole, pace, 600, 3, minutes=10).why
    live = plan(whole, pace, 600, 3, made=0, held=40, minutes=10).why
    assert "live views (there is no time for one of each of the 10 images)" in live
    assert "validations of 3 of the 40 images held out" in live
    assert "no time" not in plan(whole, pace, 600, 3, made=0, minutes=10, views=0).why, "live was asked for"
    assert "1 view, not augmented" in plan(whole, pace, 600, 3, made=1, minutes=10).why
    assert f"fewer than {MIN_STEPS} steps" in plan(whole, pace, -200, 3, minutes=10).why


@pytest.mark.parametrize(("images", "views"), [(1, 2), (2, 0), (10, 0)])
def test_measured_steps_are_those_of_the_training(
    discs: Path, monkeypatch: pytest.MonkeyPatch, images: int, views: int
) -> None:
    for path in sorted(discs.glob("*/case*.png")):
        if int(path.stem[4:]) >= images:
            path.unlink()
    config = tiny_config(discs, val=0)
    networks, cases = make_networks(config), read_cases(config, Silent(), lambda: False)
    encoding = make_encoding(networks, cases, find_encoder(networks, None, lambda: math.inf))
    encoding = encoding.on(Tiling(cases.train, None, 0, ""), views)
    embed, seen, encoded = encoding.examples.embed, [], []
    assert embed is not None
    encode = embed.encode

    class Counts:
        rule, engine, identity, threads = encode.rule, encode.engine, encode.identity, encode.threads

        def __call__(self, pixels: Any) -> Any:
            encoded.append(len(pixels))
            return encode(pixels)

    def update(segmenter: Any, optimiser: Any, batch: Any, *rest: Any, **more: Any) -> None:
        seen.append(len(batch.ids))

    monkeypatch.setattr(embed, "encode", Counts())
    monkeypatch.setattr(pace_module, "update", update)
    measure(networks.segmenter, encoding.examples, lambda precision: None, config, views, networks.device)
    assert set(seen) == {min(images, config.step_images)}
    # Live, every image of every step is encoded; else each one once.
    assert sum(encoded) >= sum(seen) if views == 0 else sum(encoded) == images
