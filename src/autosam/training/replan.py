"""The end of a training, moved to where its bound of time is."""

from __future__ import annotations

import time
from collections.abc import Callable

from autosam.training.plan import CLOSING_SECONDS
from autosam.training.run_config import Plan

# A smaller part of the steps that are left is not worth another plan.
NEAR = 0.05
# Validations come as often as the first plan has it, so that far more steps would have too many of them.
MOST_GROWTH = 2


class Replanner:
    """Fits a plan's number of steps to the time that is left: the pace of other minutes is not that of the first steps.

    Args:
        left: seconds until the bound.
        clock: seconds that pass; those since this was made belong to the steps.
    """

    def __init__(self, left: Callable[[], float], clock: Callable[[], float] = time.monotonic) -> None:
        self._left, self._clock = left, clock
        self._started = clock()

    def __call__(self, plan: Plan, step: int) -> Plan:
        """Returns the plan that ends in time at the pace of all steps so far, their validations included.

        It is `plan` itself where that ends near enough. There is always one more step, and never more than twice the
        steps of the first plan.
        """
        planned = plan.earlier[0][1] if plan.earlier else plan.steps
        pace = (self._clock() - self._started) / step
        more = max(1, int((self._left() - CLOSING_SECONDS) / max(1e-6, pace)))
        steps = min(step + more, MOST_GROWTH * planned)
        if abs(steps - plan.steps) <= max(1, NEAR * (plan.steps - step)):
            return plan
        return plan.model_copy(update={"steps": steps, "earlier": (*plan.earlier, (step, plan.steps))})
