"""What a training leaves behind as it goes: its validation, its states, its best weights, its pictures."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from autosam.core.errors import DataError
from autosam.core.sample import Sample
from autosam.evaluation.evaluate import evaluate
from autosam.inference.prediction import Prediction
from autosam.models.card import Card
from autosam.models.checkpoint import save
from autosam.training.build import finished_card
from autosam.training.cases import Cases
from autosam.training.config import TrainConfig
from autosam.training.fit import Hooks
from autosam.training.pictures import Preview, draw_curves
from autosam.training.replan import Replanner
from autosam.training.run import RunFolder
from autosam.training.run_config import Plan, write_run_config
from autosam.training.signals import Stop
from autosam.training.state import State, forget_states_after, recall_state, save_state

REDRAW_SECONDS = 30.0

Predict = Callable[[Sample], Prediction]


class Keeper:
    """The hooks of a training whose results go into a run's folder.

    Args:
        run: the folder.
        cases: those that are validated on.
        card: what the checkpoint says of itself, before its result is known.
        config: the choices.
        plan: says when the training ends.
        predict: predicts by the averaged weights.
        stop: whether somebody asked to stop.
        fitted: returns the plan whose end fits the time that is left; None keeps the plan as it is.

    Attributes:
        plan: as it is by now.
    """

    def __init__(
        self,
        run: RunFolder,
        cases: Cases,
        card: Card,
        config: TrainConfig,
        plan: Plan,
        predict: Predict,
        stop: Stop,
        fitted: Replanner | None,
    ) -> None:
        self.plan = plan
        self._run, self._val, self._card, self._config = run, cases.val, card, config
        self._predict, self._stop, self._fitted = predict, stop, fitted
        self._preview = Preview(run.previews, cases.val if len(cases.val) else cases.train)
        self._drawn = time.monotonic()

    def hooks(self) -> Hooks:
        """Returns what the loop calls."""
        run = self._run
        return Hooks(
            validate=self.validate,
            save=self.keep,
            recall=lambda step: recall_state(run.last, step),
            give_up=self.give_up,
            log=run.append,
            stopped=self._stop,
            replan=self.replan,
        )

    def validate(self, step: int) -> float | None:
        """Returns the mean Dice on the validation cases, None where there are none; notes the preview of a step."""
        if self._fitted is not None:
            self._fitted.looking()
        predict = self._preview.watching(self._predict)
        dice = mean_dice(self._val, predict) if len(self._val) else None
        self._preview.add(step, predict)
        return dice

    def keep(self, now: State) -> None:
        """Keeps a state and, where there is one, the best checkpoint; draws the pictures now and then."""
        if now.best_step:
            save(self._run.model, now.best, finished_card(self._card, now, self.plan))
        save_state(self._run.last, now)
        if self._stop() or time.monotonic() - self._drawn > REDRAW_SECONDS:
            self.draw(now)

    def draw(self, now: State) -> None:
        """Draws the pictures as they are at a state."""
        draw_curves(self._run.rows(), now.best_step, self._run.path / "curves.png")
        self._preview.draw(self._run.path / "preview.png")
        self._drawn = time.monotonic()

    def replan(self, step: int) -> Plan:
        """Returns the plan from a step on, written down where its end has moved."""
        plan = self.plan if self._fitted is None or step >= self.plan.steps else self._fitted(self.plan, step)
        if plan is not self.plan:
            write_run_config(self._run.config, self._config, plan)
            self.plan = plan
        return plan

    def give_up(self, good: State) -> None:
        """Keeps a state in place of all that came after it, and its best checkpoint or none."""
        forget_states_after(self._run.last, good.step)
        save_state(self._run.last, good)
        if good.best_step:
            save(self._run.model, good.best, finished_card(self._card, good, self.plan))
        else:
            self._run.model.unlink(missing_ok=True)


def mean_dice(samples: Any, predict: Predict) -> float:
    """Returns the mean Dice of predictions at the samples' own size, by the code that `autosam evaluate` runs.

    Raises:
        DataError: where one could not be made: the mean chooses a checkpoint, and an empty mask in its place would too.
    """
    report = evaluate(samples, predict, metrics=("dice",), keep_pictures=False)
    for case in report.cases:
        if case.error is not None:
            raise DataError(
                f"this validation case was not predicted: {case.error}",
                file=case.file or case.id,
                cure="Go on with --resume once that is mended",
            )
    return float(report.summary()["dice"]["mean"])
