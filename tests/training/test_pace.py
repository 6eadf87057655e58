"""What is measured before a plan is made."""

from __future__ import annotations

import pytest

from autosam.training import pace

COST = {"float32": 2.0, "bfloat16": 1.0}


@pytest.mark.parametrize("order", [("float32", "bfloat16"), ("bfloat16", "float32")])
@pytest.mark.parametrize("busy", [(0.0, 0.0), (0.0, 5.0), (5.0, 10.0), (3.0, 1000.0)])
def test_other_work_on_the_machine_does_not_choose_the_precision(
    order: tuple[str, ...], busy: tuple[float, float], monkeypatch: pytest.MonkeyPatch
) -> None:
    now, taken = [0.0], dict.fromkeys(COST, 0)

    def step(precision: str) -> None:
        taken[precision] += 1
        now[0] += COST[precision] * (2.5 if busy[0] <= now[0] < busy[1] else 1)

    monkeypatch.setattr(pace.time, "perf_counter", lambda: now[0])
    assert pace._faster(step, order) == "bfloat16"
    assert set(taken.values()) <= set(range(2, pace.TRIED_STEPS + 2))


def test_slow_steps_are_tried_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    now, taken = [0.0], dict.fromkeys(COST, 0)

    def step(precision: str) -> None:
        taken[precision] += 1
        now[0] += 100 * COST[precision]

    monkeypatch.setattr(pace.time, "perf_counter", lambda: now[0])
    assert pace._faster(step, tuple(COST)) == "bfloat16"
    assert taken == dict.fromkeys(COST, 2)
