"""The end of a training, moved to where its bound of time is."""

from __future__ import annotations

import time
from bisect import bisect_right
from collections.abc import Callable
from statistics import fmean

from autosam.training.plan import CLOSING_SECONDS, MIN_STEPS, STEP_MARGIN
from autosam.training.run_config import Plan

# A smaller part of the steps that are left is not worth another plan.
NEAR = 0.05
# Validations come as often as the first plan has it, so that far more steps would have too many of them.
MOST_GROWTH = 2
# The clock is looked at after every validation, and so often in a training that has fewer of them.
LOOKS_AT_THE_CLOCK = 8


class Replanner:
    """Fits a plan's number of steps to the time that is left: the pace of other minutes is not that of the first steps.

    Args:
        left: seconds until the bound.
        look: seconds that a validation will take, as long as none was made.
        clock: seconds that pass; those since this was made belong to steps and validations.
    """

    def __init__(self, left: Callable[[], float], look: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._left, self._look, self._clock = left, look, clock
        self._started = clock()
        self._looking: float | None = None
        self._looked: list[float] = []
        self._asked = self._last = 0
        # From where the pace is taken: a step, and the seconds of validations before it.
        self._from, self._past = 0, 0.0

    def looking(self) -> None:
        """Notes that a validation begins; it ends when the next plan is asked for."""
        self._looking = self._clock()

    def __call__(self, plan: Plan, step: int) -> Plan:
        """Returns the plan that ends in time at the pace so far, that of steps and that of validations.

        It is `plan` itself where that ends near enough, or where the clock was looked at a few steps ago. A training
        ends with a validation: at once after one, else there is one more step. It never has more than twice the steps
        of the first plan.
        """
        if step <= self._last:
            # Begun again from an earlier state, with fewer images at a time: the pace is another one from here on.
            self._started, self._from, self._past = self._clock(), step, sum(self._looked)
            self._looking, self._asked = None, step
        self._last = step
        now, validated = self._clock(), self._looking is not None
        if self._looking is not None:
            self._looked.append(now - self._looking)
            self._looking = None
        elif step - self._asked < plan.steps / LOOKS_AT_THE_CLOCK:
            return plan
        self._asked = step
        pace = (now - self._started - (sum(self._looked) - self._past)) / (step - self._from)
        look = fmean(self._looked) if self._looked else self._look
        usable = self._left() - CLOSING_SECONDS

        def seconds(steps: int, margin: float = 1.0) -> float:
            looks = -(-steps // plan.validate_every) - step // plan.validate_every
            return (steps - step) * pace / margin + looks * look

        planned = plan.earlier[0][1] if plan.earlier else plan.steps
        every = range(max(MIN_STEPS, step if validated else step + 1), MOST_GROWTH * planned + 1)
        fitting = bisect_right(every, usable, key=lambda steps: seconds(steps, STEP_MARGIN))
        steps = every[max(0, fitting - 1)]
        if seconds(plan.steps) <= usable and steps - plan.steps <= max(1, NEAR * (plan.steps - step)):
            return plan
        if steps == plan.steps:
            return plan
        return plan.model_copy(update={"steps": steps, "earlier": (*plan.earlier, (step, plan.steps))})
