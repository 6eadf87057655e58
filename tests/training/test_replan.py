"""The end of a training follows the time that is left, and a resume repeats how it moved."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autosam.core.errors import Interrupted
from autosam.models.checkpoint import read_card
from autosam.training.keeper import Keeper
from autosam.training.optimiser import learning_rate
from autosam.training.plan import CLOSING_SECONDS
from autosam.training.replan import Replanner
from autosam.training.run_config import Plan, read_run_config, write_run_config
from autosam.training.train import train
from tests.training.small import LONGER, Stops

PLAN = Plan(
    views=1, steps=100, epoch_steps=10, validate_every=10, warmup=5, encoder=None, engine="torch", threads=1,
    train=10, val=2, data="d", why="",
)  # fmt: skip


def moved(plan: Plan, step: int, steps: int) -> Plan:
    return plan.model_copy(update={"steps": steps, "earlier": (*plan.earlier, (step, plan.steps))})


@given(planned=st.integers(10, 2000), pace=st.floats(0.01, 3), drift=st.floats(0.4, 2.5), bound=st.floats(60, 2000))
def test_a_training_ends_in_time_whatever_its_pace_becomes(
    planned: int, pace: float, drift: float, bound: float
) -> None:
    now = 0.0
    plan = PLAN.model_copy(update={"steps": planned, "validate_every": max(1, planned // 10)})
    replan = Replanner(lambda: bound - now, lambda: now)
    step = 0
    while step < plan.steps:
        step += 1
        now += pace * (1 if step < planned / 3 else drift)
        if step % plan.validate_every == 0 and step < plan.steps:
            plan = replan(plan, step)
            assert plan.steps > step
    usable = bound - CLOSING_SECONDS
    stretch = 2 * plan.validate_every * pace * max(1, drift)
    # A pace that changes between two looks is seen at the second; nothing helps where one stretch is the whole time.
    assert now <= 1.15 * usable + stretch
    assert plan.steps <= 2 * planned
    if plan.earlier and plan.steps < 2 * planned:
        assert now >= 0.85 * usable - stretch


def test_an_end_that_is_near_enough_stays() -> None:
    now = 10.0
    replan = Replanner(lambda: 108 + CLOSING_SECONDS - now, lambda: now)
    now = 20.0
    assert replan(PLAN, 10) is PLAN
    now = 50.0
    assert replan(PLAN, 10).steps < 100


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
        self._fitted = lambda plan, at: moved(plan, at, chosen[at]) if at in chosen else plan
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
