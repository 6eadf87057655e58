"""Paired statistics against scipy, against slow restatements, and against what must hold of them."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from autosam.benchmarks.statistics import by_group, cliques, friedman, holm, least_p, ranks, signed_rank

differences = st.lists(st.integers(-6, 6), min_size=1, max_size=9).map(lambda whole: np.array(whole) / 8)


def exact_p(values: np.ndarray) -> float:
    """The share of all sign flips whose sum of positive ranks is as far from the middle as the one seen."""
    values = values[values != 0]
    if not len(values):
        return 1.0
    places = stats.rankdata(np.abs(values))
    middle = places.sum() / 2
    seen = abs(places[values > 0].sum() - middle)
    sums = [sum(places[i] for i in range(len(places)) if up[i]) for up in itertools.product((0, 1), repeat=len(places))]
    return float(np.mean([abs(one - middle) >= seen - 1e-9 for one in sums]))


@settings(max_examples=12, deadline=None)
@given(differences)
def test_signed_rank_counts_every_sign(values: np.ndarray) -> None:
    assert signed_rank(values) == pytest.approx(exact_p(values), abs=1e-9)


@settings(max_examples=12, deadline=None)
@given(differences)
def test_signed_rank_does_not_care_which_method_is_first(values: np.ndarray) -> None:
    assert signed_rank(values) == pytest.approx(signed_rank(-values), abs=1e-12)
    assert 0 < least_p(len(values)) <= signed_rank(values) <= 1


@pytest.mark.parametrize("count", [20, 60])
def test_signed_rank_is_scipys_own(count: int) -> None:
    values = np.round(np.random.default_rng(count).normal(0.2, 1, count), 5)
    assert signed_rank(values) == pytest.approx(stats.wilcoxon(values, correction=True).pvalue)


def test_noise_of_the_last_digit_is_no_difference() -> None:
    assert signed_rank(np.full(8, 0.3) - (0.1 + 0.2)) == 1
    with pytest.raises(ValueError, match="finite"):
        signed_rank([0.1, np.nan])


def slow_holm(ps: list[float]) -> list[float]:
    """The least level at which Holm's procedure, run as it is written, rejects each of them."""

    def rejected(level: float) -> set[int]:
        order = sorted(range(len(ps)), key=lambda i: ps[i])
        out: set[int] = set()
        for k, index in enumerate(order):
            if ps[index] > level / (len(ps) - k):
                break
            out.add(index)
        return out

    levels = sorted({1.0, *(min(1.0, p * k) for p in ps for k in range(1, len(ps) + 1))})
    wide = 1 + 1e-12
    return [next((level for level in levels if i in rejected(level * wide)), 1.0) for i in range(len(ps))]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.floats(1e-6, 1), min_size=1, max_size=7))
def test_holm_is_the_procedure_as_written(ps: list[float]) -> None:
    fixed = holm(ps)
    assert fixed == pytest.approx(slow_holm(ps), rel=1e-9)
    assert all(p <= q <= 1 for p, q in zip(ps, fixed, strict=True))
    assert holm(ps[::-1]) == pytest.approx(fixed[::-1])


def test_holm_of_none_and_one() -> None:
    assert holm([]) == []
    assert holm([0.03]) == [0.03]


@given(st.integers(2, 5), st.integers(1, 9), st.integers(0, 99))
@settings(max_examples=30, deadline=None)
def test_ranks_are_shared_and_swap_with_their_methods(methods: int, cases: int, seed: int) -> None:
    values = np.random.default_rng(seed).integers(0, 4, (cases, methods)) / 4
    placed = ranks(values, higher=True)
    assert np.allclose(placed.sum(axis=1), methods * (methods + 1) / 2)
    assert np.allclose(ranks(values, higher=False), methods + 1 - placed)
    assert np.allclose(ranks(values[:, ::-1], higher=True), placed[:, ::-1])


def test_friedman_is_scipys_and_one_for_equals() -> None:
    values = np.random.default_rng(0).random((12, 4))
    assert friedman(values) == pytest.approx(stats.friedmanchisquare(*values.T).pvalue)
    assert friedman(np.repeat(values[:, :1], 4, axis=1)) == 1
    assert friedman(values[:, :2]) is None


def test_groups_are_averaged_over_what_is_known() -> None:
    values = np.array([[1.0], [3.0], [5.0], [np.nan]])
    assert by_group(values, ["p", None, "p", "q"])[:, 0] == pytest.approx([3, 3, np.nan], nan_ok=True)
    assert by_group(values, [None] * 4)[:, 0] == pytest.approx(values[:, 0], nan_ok=True)


def test_bars_join_only_what_no_pair_sets_apart() -> None:
    assert cliques([2, 0, 1], set()) == [(0, 2)]
    assert cliques([2, 0, 1], {frozenset((2, 1))}) == [(0, 1), (1, 2)]
    assert cliques([0, 1], {frozenset((0, 1))}) == []
    assert cliques([0, 1, 2, 3], {frozenset((0, 3)), frozenset((1, 3))}) == [(0, 2), (2, 3)]
