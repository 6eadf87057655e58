from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from autosam.training.learning import History, learning_curves
from autosam.training.passes import Passes
from autosam.training.pictures import smooth


@given(st.lists(st.floats(-1e3, 1e3), max_size=400))
def test_a_running_mean_stays_within_its_values(values: list[float]) -> None:
    made = smooth(np.array(values))
    assert made.shape == (len(values),)
    if values:
        assert made.min() >= min(values) - 1e-9 * 1e3
        assert made.max() <= max(values) + 1e-9 * 1e3


def test_a_last_value_weighs_no_more_than_the_others() -> None:
    values = np.zeros(400)
    values[-1] = 1
    # A window of 10, half of which is there at the end.
    assert smooth(values)[-1] == pytest.approx(1 / 6, abs=0.04)


@pytest.mark.parametrize(("steps", "first"), [(17, 7), (20, 1), (60, 3), (900, 45)])
def test_the_first_steps_do_not_flatten_the_curve(steps: int, first: int) -> None:
    rows = [{"step": step, "loss": 14.0 if step <= first else 1.0} for step in range(1, steps + 1)]
    history = History("a", [*rows, {"step": steps, "val_dice": 0.5}], Passes(9, 4, False, None))
    figure = learning_curves([history])
    assert 1 < figure.axes[0].get_ylim()[1] < 2
