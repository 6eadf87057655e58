"""Learning curves of several trainings in one figure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from autosam.evaluation.printing import PAGE, colour
from autosam.training.passes import Passes
from autosam.training.pictures import smooth
from autosam.training.run import RunFolder
from autosam.training.run_config import read_run_config

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True, slots=True)
class History:
    """What a training's log tells.

    Attributes:
        name: of the method.
        rows: of the log.
        passes: how its steps lie over them.
    """

    name: str
    rows: list[dict[str, Any]]
    passes: Passes

    def curve(self, key: str) -> tuple[list[int], list[float]]:
        """Returns the images seen and the values of one key, where the log has it."""
        rows = [row for row in self.rows if row.get(key) is not None]
        return [self.passes.images(row["step"]) for row in rows], [row[key] for row in rows]


def read_history(name: str, run: Path) -> History | None:
    """Returns the history of a run; None where its folder has no log or no plan.

    Raises:
        ModelError: where its configuration is not as training writes it.
    """
    folder = RunFolder(run)
    rows = folder.rows()
    if not rows or not folder.config.exists():
        return None
    config, plan = read_run_config(folder.config)
    return None if plan is None else History(name, rows, Passes.planned(config, plan))


def learning_curves(histories: Sequence[History]) -> Figure:
    """Returns loss and validation Dice over the images seen, a colour a training."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(PAGE, 2.5), layout="constrained")
    left, right = figure.subplots(1, 2)
    usual = 0.0
    for index, history in enumerate(histories):
        seen, losses = history.curve("loss")
        if losses:
            left.plot(seen, losses, color=colour(index), alpha=0.2, linewidth=0.6)
            left.plot(seen, smooth(np.array(losses)), color=colour(index), label=history.name)
            # The first steps' losses are several times the rest and would flatten the curve; of a short training they
            # are a large part.
            usual = max(usual, float(np.quantile(losses[len(losses) // 2 :], 0.97)))
        looked, scores = history.curve("val_dice")
        right.plot(looked, scores, color=colour(index), marker="o", markersize=3, label=history.name)
    left.set(xlabel="training images seen", ylabel="training loss, BCE + Dice", ylim=(0, 1.6 * usual or 1.0))
    right.set(xlabel="training images seen", ylabel="validation Dice", ylim=(None, 1.0))
    for axes in (left, right):
        axes.set_xlim(left=0)
        axes.grid()
    right.legend(loc="lower right")
    return figure
