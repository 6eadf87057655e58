"""The order of training depends on nothing but its arguments, and every image weighs the same."""

from __future__ import annotations

from collections import Counter
from itertools import chain
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autosam.training.config import TrainConfig
from autosam.training.passes import Passes, order
from autosam.training.run_config import Plan


@pytest.mark.parametrize(("cases", "views"), [(1, 1), (7, 3), (10, 8)])
def test_an_epoch_has_every_case_and_a_lap_every_view(cases: int, views: int) -> None:
    for lap in range(2):
        epochs = [order(cases, views, lap * views + turn, seed=4) for turn in range(views)]
        assert all(sorted(case for case, _ in epoch) == list(range(cases)) for epoch in epochs)
        seen = Counter(index for epoch in epochs for index in epoch)
        assert set(seen) == {(case, view) for case in range(cases) for view in range(views)}
        assert set(seen.values()) == {1}


def test_epochs_and_seeds_differ_and_repeat() -> None:
    assert order(20, 4, 3, seed=0) == order(20, 4, 3, seed=0)
    assert order(20, 4, 3, seed=0) != order(20, 4, 4, seed=0)
    assert order(20, 4, 3, seed=0) != order(20, 4, 3, seed=1)


def test_live_training_never_sees_a_view_twice() -> None:
    assert {view for _, view in order(5, 0, 0, seed=0)} == {1}
    assert {view for _, view in order(5, 0, 9, seed=0)} == {10}


CASES, BATCH, ACCUMULATE, EPOCHS = st.integers(1, 40), st.integers(1, 6), st.integers(1, 5), st.integers(1, 7)


def passes(cases: int, batch: int, accumulate: int, epochs: int | None) -> Passes:
    bound = {"minutes": 1} if epochs is None else {"epochs": epochs}
    config = TrainConfig(data=Path("d"), batch=batch, accumulate=accumulate, **bound)  # type: ignore[arg-type]
    return Passes.of(config, cases)


@given(cases=CASES, batch=BATCH, accumulate=ACCUMULATE, epochs=EPOCHS, views=st.integers(0, 3))
def test_the_epochs_of_a_training_are_seen_whole(
    cases: int, batch: int, accumulate: int, epochs: int, views: int
) -> None:
    made = passes(cases, batch, accumulate, epochs)
    assert made.steps is not None
    steps = list(made.batches(views, 5, 0, made.steps))
    assert len(steps) == made.steps
    assert list(chain(*steps)) == list(chain(*(order(cases, views, epoch, 5) for epoch in range(epochs))))
    sizes = [len(step) for step in steps]
    assert [made.images(step + 1) for step in range(made.steps)] == [sum(sizes[: n + 1]) for n in range(made.steps)]
    assert max(sizes) == made.largest()
    if accumulate > 1:
        assert set(sizes[:-1]) <= {batch * accumulate}
    else:
        assert made.steps == epochs * made.epoch_steps


@given(cases=CASES, batch=BATCH, accumulate=ACCUMULATE, done=st.integers(0, 30), views=st.integers(0, 3))
def test_a_training_goes_on_at_any_step_with_the_same_images(
    cases: int, batch: int, accumulate: int, done: int, views: int
) -> None:
    made = passes(cases, batch, accumulate, None)
    assert made.steps is None
    assert list(made.batches(views, 5, done, 40)) == list(made.batches(views, 5, 0, 40))[done:]


@pytest.mark.parametrize(("cases", "epochs", "steps"), [(85, 600, 4250), (30, 1000, 2500), (1450, 200, 24167)])
def test_the_papers_steps(cases: int, epochs: int, steps: int) -> None:
    made = passes(cases, 3, 4, epochs)
    assert made.steps == steps
    assert ("at most" in made.in_words(steps)) == (epochs * cases % 12 != 0)


def test_without_accumulation_a_pass_ends_with_a_step_of_what_is_left() -> None:
    made = passes(10, 4, 1, 2)
    assert [len(step) for step in made.batches(1, 0, 0, 6)] == [4, 4, 2] * 2
    assert made.in_words(6) == "6 steps of at most 4 images"
    assert passes(8, 4, 1, 1).in_words(2) == "2 steps of 4 images"
    assert passes(1, 4, 1, 1).in_words(1) == "1 step of 1 image"


@pytest.mark.parametrize(("epoch_steps", "sizes"), [(3, [12, 12, 4]), (28 / 12, [12, 12, 12])])
def test_a_plan_says_whether_steps_run_on(epoch_steps: float, sizes: list[int]) -> None:
    config = TrainConfig(data=Path("d"), batch=3, accumulate=4, epochs=2)
    plan = Plan(
        views=1, steps=5, epoch_steps=epoch_steps, validate_every=1, warmup=1, encoder=None, engine="torch", threads=1,
        train=28, val=0, data="d", why="",
    )  # fmt: skip
    made = Passes.planned(config, Plan.model_validate_json(plan.model_dump_json()))
    assert [len(step) for step in made.batches(1, 0, 0, 3)] == sizes
