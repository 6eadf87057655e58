"""The bootstrap against a slow re-statement and against what must hold of it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autosam.evaluation import bootstrap
from autosam.evaluation.bootstrap import interval, mean_intervals


def spread(size: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).random((size, 1))


def test_agrees_with_drawing_cases_one_by_one() -> None:
    values = spread(40)
    random = np.random.default_rng(9)
    means = [random.choice(values[:, 0], size=40).mean() for _ in range(4000)]
    assert mean_intervals(values)[0] == pytest.approx(np.percentile(means, [2.5, 97.5]), abs=0.012)


def test_agrees_with_drawing_groups_one_by_one() -> None:
    values, groups = spread(30), [f"p{i // 5 if i < 20 else 9}" for i in range(30)]
    names, random = sorted(set(groups)), np.random.default_rng(9)
    members = {name: [i for i, group in enumerate(groups) if group == name] for name in names}
    means = []
    for _ in range(4000):
        drawn = [i for name in random.choice(names, size=len(names)) for i in members[name]]
        means.append(values[drawn, 0].mean())
    assert mean_intervals(values, groups)[0] == pytest.approx(np.percentile(means, [2.5, 97.5]), abs=0.015)


def test_cases_that_agree_within_their_groups_carry_less_than_their_number() -> None:
    values = np.repeat(spread(6), 20, axis=0)
    groups = [f"p{i // 20}" for i in range(120)]
    (low, high), (close, far) = mean_intervals(values, groups)[0], mean_intervals(values)[0]
    assert high - low > 2 * (far - close)


def test_cases_without_a_group_are_their_own() -> None:
    values = spread(20)
    assert (mean_intervals(values, [None] * 20) == mean_intervals(values)).all()
    assert mean_intervals(values, [None, *["a"] * 19]).shape == (1, 2)


@settings(max_examples=30)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=30), st.integers(0, 5))
def test_bounds_and_repeats(scores: list[float], seed: int) -> None:
    values = np.array([*scores, scores[0]])[:, None]
    low, high = mean_intervals(values, seed=seed, resamples=200)[0]
    assert min(scores) - 1e-9 <= low <= high <= max(scores) + 1e-9
    assert (mean_intervals(values, seed=seed, resamples=200) == [[low, high]]).all()


def test_one_group_has_no_interval() -> None:
    values = np.hstack([spread(5), [[0.5], [0.7], [np.nan], [np.nan], [np.nan]]])
    assert np.isnan(mean_intervals(values, ["a"] * 5)).all()
    assert interval(mean_intervals(values, ["a"] * 5)[0]) is None
    # A second group that has no value in a column says nothing of it.
    first, second = mean_intervals(values, ["a", "a", "b", "b", "b"])
    assert np.isfinite(first).all()
    assert np.isnan(second).all()


def test_missing_values_leave_only_their_column_short() -> None:
    values = np.concatenate([spread(12), spread(12, 1), np.full((12, 1), np.nan)], axis=1)
    whole = mean_intervals(values)
    values[3, 0] = np.nan
    holed = mean_intervals(values)
    assert np.isfinite(holed[:2]).all() and np.isnan(holed[2]).all()
    assert (holed[1] == whole[1]).all() and (holed[0] != whole[0]).any()


def test_memory_bound_does_not_change_the_result(monkeypatch: pytest.MonkeyPatch) -> None:
    values = spread(50)
    whole = mean_intervals(values)
    monkeypatch.setattr(bootstrap, "_CELLS", 1000)
    assert (mean_intervals(values) == whole).all()
