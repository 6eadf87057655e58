"""The end of a training follows the time that is left, and a resume repeats how it moved."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from unittest.mock import Mock

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autosam.core.errors import Interrupted
from autosam.models.checkpoint import read_card
from autosam.training.config import TrainConfig
from autosam.training.keeper import Keeper
from autosam.training.optimiser import learning_rate
from autosam.training.pace import Pace
from autosam.training.plan import CLOSING_SECONDS, MIN_STEPS, decide
from autosam.training.replan import NEAR, Replanner
from autosam.training.run_config import Plan, read_run_config, write_run_config
from autosam.training.state import State
from autosam.training.tiling import Tiling
from autosam.training.train import train
from tests.training.small import LONGER, Stops

PLAN = Plan(
    views=1, steps=100, epoch_steps=10, validate_every=10, warmup=5, encoder=None, engine="torch", threads=1,
    train=10, val=2, data="d", why="",
)  # fmt: skip


def moved(plan: Plan, step: int, steps: int) -> Plan:
    return plan.model_copy(update={"steps": steps, "earlier": (*plan.earlier, (step, plan.steps))})


class Clock:
    """A training by a clock of its own."""

    def __init__(self, bound: float) -> None:
        self.bound, self.now = bound, 0.0

    def left(self) -> float:
        return self.bound - self.now

    def train(self, plan: Plan, replan: Replanner, step: Callable[[int], float], look: float) -> Plan:
        done = 0
        while done < plan.steps:
            done += 1
            self.now += step(done)
            if done % plan.validate_every == 0 or done == plan.steps:
                replan.looking()
                self.now += look
            if done < plan.steps:
                plan = replan(plan, done)
                assert plan.steps >= done
        return plan


@given(
    planned=st.integers(10, 2000),
    pace=st.floats(0.01, 3),
    drift=st.floats(0.4, 2.5),
    bound=st.floats(60, 2000),
    look=st.floats(0, 60),
)
def test_a_training_ends_in_time_whatever_its_pace_becomes(
    planned: int, pace: float, drift: float, bound: float, look: float
) -> None:
    clock = Clock(bound)
    plan = PLAN.model_copy(update={"steps": planned, "validate_every": max(1, planned // 10)})
    replan = Replanner(clock.left, look, lambda: clock.now)
    plan = clock.train(plan, replan, lambda step: pace * (1 if step < planned / 3 else drift), look)
    usable = bound - CLOSING_SECONDS
    stretch = 2 * plan.validate_every * pace * max(1, drift) + look
    # A pace that changes between two looks is seen at the second; nothing helps where one stretch is the whole time.
    assert clock.now <= 1.15 * usable + stretch or plan.steps == MIN_STEPS
    assert plan.steps <= 2 * planned
    # So near to the most that it may have, a plan is not worth another.
    if plan.earlier and plan.steps < 2 * planned * (1 - NEAR) - 1:
        assert clock.now >= 0.8 * usable - stretch - look


@given(
    left=st.floats(60, 4000),
    step=st.floats(0.05, 10),
    validate=st.floats(0, 2),
    val=st.integers(0, 200),
)
def test_at_a_steady_pace_all_is_done_in_time(left: float, step: float, validate: float, val: int) -> None:
    clock, pace = Clock(left), Pace(step, "float32", validate)
    config = TrainConfig(data=Path(), minutes=1)
    whole = Tiling([None] * 10, None, 0, "whole images")  # type: ignore[arg-type]
    first = decide(config, 4, pace, left, train=10, val=val, held=val, encoder=None, data="d", tiling=whole)
    look = pace.look(train=10, val=val)
    plan = clock.train(first, Replanner(clock.left, look, lambda: clock.now), lambda _: step, look)
    if first.steps > MIN_STEPS:
        assert clock.now <= left - CLOSING_SECONDS + 1e-6
        assert plan.steps >= first.steps


@pytest.mark.parametrize(("step", "validate", "steps"), [(1.0, 0.05, 159), (0.3, 0.1, 524), (1.0, 0.15, 156)])
def test_a_short_training_uses_its_time(step: float, validate: float, steps: int) -> None:
    clock, pace = Clock(180), Pace(step, "float32", validate)
    config = TrainConfig(data=Path(), minutes=4)
    whole = Tiling([None] * 100, None, 0, "whole images")  # type: ignore[arg-type]
    first = decide(config, 4, pace, 180, train=100, val=10, held=10, encoder=None, data="d", tiling=whole)
    look = pace.look(train=100, val=10)
    plan = clock.train(first, Replanner(clock.left, look, lambda: clock.now), lambda _: step, look)
    assert plan.steps == pytest.approx(steps, abs=3)
    assert clock.now <= 180 - CLOSING_SECONDS


def test_a_training_of_one_validation_is_shortened_too() -> None:
    clock = Clock(100 + 30 + CLOSING_SECONDS)
    plan = PLAN.model_copy(update={"validate_every": 100})
    made = clock.train(plan, Replanner(clock.left, 30, lambda: clock.now), lambda _: 1.5, 30)
    assert made.steps < 80
    assert clock.now <= clock.bound - CLOSING_SECONDS


def test_where_time_is_over_a_validation_was_the_last() -> None:
    clock = Clock(55)
    made = clock.train(PLAN, Replanner(clock.left, 1, lambda: clock.now), lambda _: 1.0, 20)
    assert (made.steps, made.earlier) == (10, ((10, 100),))


def test_the_least_steps_are_made_whatever_they_take() -> None:
    clock = Clock(20)
    made = clock.train(PLAN, Replanner(clock.left, 1, lambda: clock.now), lambda _: 9.0, 1)
    assert made.steps == MIN_STEPS


@pytest.mark.parametrize(("left", "steps"), [(80, 86), (89, 94), (90, 100), (96, 100), (120, 124)])
def test_an_end_that_is_near_enough_stays(left: float, steps: int) -> None:
    now = 0.0
    replan = Replanner(lambda: left + CLOSING_SECONDS, 0, lambda: now)
    now = 10.0
    replan.looking()
    plan = replan(PLAN, 10)
    assert plan.steps == steps
    assert (plan is PLAN) == (steps == 100)


def test_the_clock_is_not_looked_at_after_every_step() -> None:
    replan = Replanner(lambda: 0.0, 0, lambda: 1.0)
    assert [step for step in range(1, 30) if replan(PLAN, step) is not PLAN] == [13, 26]


def test_each_step_goes_by_the_plan_of_its_time() -> None:
    plan = moved(moved(PLAN, 20, 200), 50, 60)
    assert [plan.steps_at(step) for step in (1, 20, 21, 50, 51, 60)] == [100, 100, 200, 200, 60, 60]
    assert learning_rate(20, plan, 1.0) == learning_rate(20, PLAN, 1.0)
    assert learning_rate(60, plan, 1.0) == pytest.approx(0.01)


@pytest.fixture
def ends(monkeypatch: pytest.MonkeyPatch) -> dict[int, int]:
    """Where the plan's end moves to, by the step at which it does."""
    chosen: dict[int, int] = {}
    replan = Keeper.replan

    def scripted(self: Keeper, step: int) -> Plan:
        def fitted(plan: Plan, at: int) -> Plan:
            return moved(plan, at, chosen[at]) if at in chosen else plan

        self._fitted = Mock(side_effect=fitted)
        return replan(self, step)

    monkeypatch.setattr(Keeper, "replan", scripted)
    return chosen


def _steps(run: Path) -> list[int]:
    rows = [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]
    return [row["step"] for row in rows if "loss" in row]


# Two steps an epoch, a validation after each: 12 steps, then 20 of them, then 9.
def test_a_moved_end_is_written_and_reached(discs: Path, tmp_path: Path, ends: dict[int, int]) -> None:
    ends.update({4: 20, 8: 9})
    run = train(discs, tmp_path / "run", **LONGER)
    assert _steps(run) == list(range(1, 10))
    plan = read_run_config(run / "config.yaml")[1]
    assert plan is not None
    assert (plan.steps, plan.earlier) == (9, ((4, 12), (8, 20)))
    assert read_card(run / "model.safetensors").training["steps"] == 9
    assert "9 steps" in (run / "card.md").read_text()


@pytest.mark.parametrize("written", [False, True])
def test_a_resume_repeats_how_the_end_moved(discs: Path, tmp_path: Path, ends: dict[int, int], written: bool) -> None:
    ends.update({4: 20, 8: 9})
    whole = train(discs, tmp_path / "whole", **LONGER)
    with pytest.raises(Interrupted):
        train(discs, tmp_path / "cut", progress=Stops("training", 5), **LONGER)
    if written:
        # As after a crash between two states: the plan is already that of a later step.
        ends.clear()
        config = read_run_config(tmp_path / "cut" / "config.yaml")[0]
        write_run_config(tmp_path / "cut" / "config.yaml", config, read_run_config(whole / "config.yaml")[1])
    cut = train(discs, tmp_path / "cut", resume=True, **LONGER)
    assert _steps(cut) == _steps(whole)
    assert (cut / "model.safetensors").read_bytes() == (whole / "model.safetensors").read_bytes()
    shutil.rmtree(cut)


def test_steps_that_are_begun_again_are_a_pace_of_their_own() -> None:
    now = [0.0]
    replan = Replanner(lambda: 200.0 - now[0] + CLOSING_SECONDS, 1.0, lambda: now[0])
    plan = PLAN.model_copy(update={"steps": 100, "validate_every": 10})
    for step in range(1, 20):
        now[0] += 1
        if step % 10 == 0:
            replan.looking()
        plan = replan(plan, step)
    # A validation that memory is too short for; then all from step 11 on again, at twice the time.
    replan.looking()
    before, ended = plan, []
    for step in range(11, 31):
        now[0] += 2
        if step % 10 == 0:
            replan.looking()
            now[0] += 1
        after = replan(before, step)
        ended += [step] if after.steps == step else []
        before = after
    assert ended == []
    # At step 30 of about 2 seconds each there are some 70 more.
    assert 85 <= before.steps <= 105


def test_a_last_plan_without_its_checkpoint_is_made_up_for(
    discs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    replan, keep = Keeper.replan, Keeper.keep
    ends = {8: 8}

    def scripted(self: Keeper, step: int) -> Plan:
        def moved(plan: Plan, at: int) -> Plan:
            if at not in ends:
                return plan
            return plan.model_copy(update={"steps": ends[at], "earlier": (*plan.earlier, (at, plan.steps))})

        self._fitted = Mock(side_effect=moved)
        return replan(self, step)

    def killed(self: Keeper, now: State) -> None:
        if self.plan.earlier:
            raise KeyboardInterrupt
        keep(self, now)

    monkeypatch.setattr(Keeper, "replan", scripted)
    whole = train(discs, tmp_path / "whole", **LONGER)
    monkeypatch.setattr(Keeper, "keep", killed)
    with pytest.raises(KeyboardInterrupt):
        train(discs, tmp_path / "killed", **LONGER)
    monkeypatch.setattr(Keeper, "keep", keep)
    ends.clear()
    again = train(discs, tmp_path / "killed", resume=True, **LONGER)
    assert read_card(again / "model.safetensors").training["steps"] == 8
    assert (again / "model.safetensors").read_bytes() == (whole / "model.safetensors").read_bytes()
