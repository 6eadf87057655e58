"""Passes over the training cases: their order, and how the steps lie over them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count

import numpy as np

from autosam.core.words import counted
from autosam.training.config import TrainConfig
from autosam.training.run_config import Plan

Index = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Passes:
    """How the steps of a training lie over its passes.

    A batch ends with its pass: the last one of a pass has what is left of it. Where gradients are accumulated, steps
    run on over the ends of passes and have as many images each; only the last of so many epochs may have fewer.

    Attributes:
        cases: that a pass has.
        step_images: images of a whole step.
        runs_on: whether a step takes from the next pass what it lacks.
        epochs: passes in all; None where time ends the training.
    """

    cases: int
    step_images: int
    runs_on: bool
    epochs: int | None

    @classmethod
    def of(cls, config: TrainConfig, cases: int) -> Passes:
        """Returns those of the choices, for a number of training cases."""
        epochs = None if config.bound is not None else config.epochs or 1
        return cls(cases, config.step_images, config.accumulate > 1, epochs)

    @classmethod
    def planned(cls, config: TrainConfig, plan: Plan) -> Passes:
        """Returns those of a plan; one that has whole steps in a pass ends its steps with it."""
        made = cls.of(config, plan.tiles or plan.train)
        return cls(made.cases, made.step_images, not float(plan.epoch_steps).is_integer(), made.epochs)

    @property
    def epoch_steps(self) -> int | float:
        """Steps a pass; where they run on it may be no whole number."""
        whole, rest = divmod(self.cases, self.step_images)
        if rest == 0:
            return whole
        return self.cases / self.step_images if self.runs_on else whole + 1

    @property
    def steps(self) -> int | None:
        """Steps of all epochs; None where time ends the training."""
        if self.epochs is None:
            return None
        if self.runs_on:
            return -(-self.epochs * self.cases // self.step_images)
        return self.epochs * -(-self.cases // self.step_images)

    def images(self, step: int) -> int:
        """Returns how many images were seen when `step` was taken."""
        if self.runs_on:
            seen = step * self.step_images
            return seen if self.epochs is None else min(seen, self.epochs * self.cases)
        passes, rest = divmod(step, -(-self.cases // self.step_images))
        return passes * self.cases + rest * self.step_images

    def largest(self) -> int:
        """Returns how many images the largest step has."""
        most = self.step_images if self.epochs is None else min(self.step_images, self.epochs * self.cases)
        return most if self.runs_on else min(self.step_images, self.cases)

    def in_words(self, steps: int) -> str:
        """Returns so many steps and their images, for a person."""
        whole = self.images(steps) == steps * self.largest()
        each = counted(self.largest(), "image")
        return f"{counted(steps, 'step')} of {each if whole else f'at most {each}'}"

    def batches(self, views: int, seed: int, done: int, steps: int) -> Iterator[list[Index]]:
        """Yields what the steps after `done` see, to the last of `steps`.

        Args:
            views: cached views an image; 0 for live.
            seed: of the order.
            done: steps that were taken.
            steps: in all.
        """
        first, rest = divmod(self.images(done), self.cases)
        waiting: list[Index] = []
        epochs = count(first)
        for step in range(done + 1, steps + 1):
            images = self.images(step) - self.images(step - 1)
            while len(waiting) < rest + images:
                waiting += order(self.cases, views, next(epochs), seed)
            yield waiting[rest : rest + images]
            del waiting[: rest + images]
            rest = 0


def order(cases: int, views: int, epoch: int, seed: int) -> list[Index]:
    """Returns the order of an epoch: every case once, in a view that differs from epoch to epoch.

    It depends on nothing but its arguments, so that a resumed training needs no state of a generator. Live training
    (`views` 0) numbers its views by the epoch and never sees one twice.
    """
    rng = np.random.default_rng([seed, 1, epoch])
    cases_in_order = rng.permutation(cases).tolist()
    if views == 0:
        return [(case, epoch + 1) for case in cases_in_order]
    lap, turn = divmod(epoch, views)
    shift = np.random.default_rng([seed, 2, lap]).integers(views, size=cases)
    return [(case, int((turn + shift[case]) % views)) for case in cases_in_order]
