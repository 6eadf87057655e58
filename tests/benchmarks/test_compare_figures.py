"""Figures of a comparison, whatever the methods are called and however they score."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from itertools import combinations, pairwise
from pathlib import Path

import numpy as np
import pytest

from autosam.benchmarks import compare_figures
from autosam.benchmarks.comparison import Contest, Sheet, contest
from autosam.benchmarks.scored import Scored
from autosam.benchmarks.view import Measure
from autosam.evaluation.printing import TALLEST, printed

LONG = "autosam with a prompt encoder of its own, trained for two hundred epochs, "


def _made(names: Sequence[str], values: np.ndarray, group: str | None = None) -> tuple[Contest, list[Scored]]:
    cases = tuple(f"case{i}" for i in range(values.shape[1]))
    sheet = Sheet(
        "standard", "all", Measure("dice", "Dice"), cases, [one[None] for one in values], (group,) * len(cases)
    )
    methods = [
        Scored(name, Path("x"), None, (), {}, {}, {("v", "m"): one[None]}, None)
        for name, one in zip(names, values, strict=True)
    ]
    return contest(sheet, range(len(names)), tested=True), methods


@pytest.mark.parametrize("make", ["scores", "ranking", "differences"])
@pytest.mark.parametrize(
    "names", [[LONG + "A", LONG + "B", "C"], [f"method {i}" for i in range(10)], ["a$1_$2", "x$_$y^", "plain"]]
)
def test_labels_of_rows_do_not_meet_and_leave_room(make: str, names: list[str]) -> None:
    shown, methods = _made(names, np.random.default_rng(0).uniform(0.2, 0.9, (len(names), 12)))
    with printed(), warnings.catch_warnings():
        warnings.simplefilter("error")
        figure = getattr(compare_figures, make)(shown, methods)
        figure.draw_without_rendering()
    (axes,) = figure.axes
    assert figure.get_size_inches()[1] <= TALLEST
    assert axes.get_position().width > 0.4
    labels = [label.get_window_extent() for label in axes.get_yticklabels()]
    assert all(lower.y1 <= upper.y0 + 2 for upper, lower in pairwise(labels))


def test_a_dot_at_either_end_is_whole() -> None:
    shown, methods = _made(["A", "B"], np.array([[0.0, 1.0, 0.5], [0.2, 0.8, 1.0]]))
    with printed():
        figure = compare_figures.scores(shown, methods)
        figure.draw_without_rendering()
    left, right = figure.axes[0].get_xlim()
    assert left < 0 and right > 1


@pytest.mark.parametrize("values", [np.ones((2, 5)), np.array([[0.5], [0.7]])])
def test_ticks_of_few_or_equal_values_can_be_read(values: np.ndarray) -> None:
    shown, methods = _made(["A", "B"], values)
    with printed():
        figure = compare_figures.cases(shown, methods)
        figure.draw_without_rendering()
    (axes,) = figure.axes
    assert axes.xaxis.get_offset_text().get_text() == ""
    low, high = axes.get_xlim()
    boxes = [label.get_window_extent() for label in axes.get_xticklabels() if low <= label.get_position()[0] <= high]
    assert not any(one.overlaps(other) for one, other in combinations(boxes, 2))


def test_one_group_is_one_and_no_interval_is_promised() -> None:
    shown, methods = _made(["A", "B"], np.random.default_rng(0).uniform(size=(2, 8)), "patient")
    with printed():
        said = [getattr(compare_figures, make)(shown, methods).get_suptitle() for make in ("scores", "differences")]
    assert all("8 cases in 1 group:" in one for one in said)
    assert not any("95 %" in one for one in said)
