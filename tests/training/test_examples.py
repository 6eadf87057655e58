"""The order of training depends on nothing but its arguments."""

from __future__ import annotations

from collections import Counter

import pytest

from autosam.training.examples import order


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
