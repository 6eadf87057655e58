"""What a training goes back to where a step cannot be used."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import torch
from torch import nn

from autosam.training.run_config import Plan
from autosam.training.state import State

MOST = 3
"""Steps that may go wrong in a training; at the last of them it ends."""

BACKOFF = 0.5
"""What the learning rate is multiplied with after each of them."""


class Rollback:
    """The last state that is known to be good.

    A state is good once it was validated and the step after it had a finite loss: a step may throw the weights so far
    off that only the next loss shows it. All of this follows from the states alone, so that a training which was
    interrupted goes back to the very state that an undisturbed one goes back to.

    Args:
        first: the state before the first step.
        state: where the training goes on.
        plan: says which steps are validated.
        recall: reads the state of a step that was kept.
    """

    def __init__(self, first: State, state: State, plan: Plan, recall: Callable[[int], State]) -> None:
        self._good = first if state.good == 0 else None
        self._recall = recall
        self._waiting = state if state.step and state.step % plan.validate_every == 0 else None

    def passed(self, state: State) -> State:
        """Notes a finite loss; returns the state with what is good by now."""
        if self._waiting is None:
            return state
        self._good, self._waiting = self._waiting, None
        return replace(state, good=self._good.step)

    def validated(self, state: State) -> None:
        """Notes a state that has still to show that it is good."""
        self._waiting = state

    def back(self, state: State) -> State:
        """Returns the last good state in place of one whose step went wrong, which it counts.

        Raises:
            ModelError: where that state was kept on disk and is damaged.
        """
        if self._good is None:
            self._good = self._recall(state.good)
        self._waiting = None
        # No further count: a training that ended so ends in the same state when it is resumed.
        return replace(self._good, skipped=min(MOST, state.skipped + 1), good=self._good.step)


def is_finite(module: nn.Module) -> bool:
    """Says whether no parameter of a module is NaN or infinite."""
    return all(bool(torch.isfinite(each).all()) for each in module.parameters())
