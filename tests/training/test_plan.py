from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autosam.training.config import TrainConfig
from autosam.training.pictures import PREVIEWED
from autosam.training.plan import CLOSING_SECONDS, MIN_STEPS, STEP_MARGIN, Pace, decide
from autosam.training.run_config import Plan
from autosam.training.tiling import Tiling


def plan(tiling: Tiling, pace: Pace | None, left: float, val: int, **choices: object) -> Plan:
    config = TrainConfig(data=Path(), **choices)
    return decide(config, 4, pace, left, train=len(tiling.cases), val=val, encoder=None, data="d", tiling=tiling)


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
