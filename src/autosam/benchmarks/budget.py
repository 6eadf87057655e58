"""What was spent on a training: the minutes behind a number."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from autosam.models.checkpoint import model_file, read_card
from autosam.models.tensors import load_tensors
from autosam.training.run_config import read_run_config

Budget = dict[str, Any]

_KEPT = ("running_mean", "running_var", "num_batches_tracked", ".scales", "._extra_state")


def budget_of(run: Path, seconds: float | None = None) -> Budget:
    """Returns what was spent on a run.

    Args:
        run: the folder that training wrote, or its model.safetensors.
        seconds: what the whole training took, where that was measured.

    Returns:
        minutes and epochs, one of which was asked for; steps, seed, batch; parameters, the number of trained values;
        seconds. What is not known is None.

    Raises:
        ModelError: where the checkpoint or the run's configuration is damaged.
    """
    file = model_file(run)
    trained = read_card(file).training
    held = load_tensors(file)
    # Statistics of batch norm and scales of integers are kept, not trained.
    parameters = sum(value.numel() for name, value in held.items() if not name.endswith(_KEPT))
    config = file.parent / "config.yaml"
    asked = read_run_config(config)[0] if config.is_file() else None
    return {
        "minutes": trained.get("minutes") if asked is None else asked.bound,
        "epochs": trained.get("epochs") if asked is None else asked.epochs,
        "steps": trained.get("steps"),
        "batch": trained.get("batch"),
        "seed": trained.get("seed"),
        "parameters": parameters,
        "seconds": None if seconds is None else round(seconds, 1),
    }


def in_words(budgets: Sequence[Budget | None]) -> str:
    """Returns the budgets of a method's trainings, one a seed, as a cell of a table."""
    known = [budget for budget in budgets if budget is not None]
    if not known:
        return "none"
    minutes, epochs = known[0]["minutes"], known[0]["epochs"]
    asked = f"{minutes:g} min" if minutes is not None else _epochs(epochs)
    steps = sorted({budget["steps"] for budget in known if budget["steps"] is not None})
    some = "" if not steps else f", {steps[0]} steps" if len(steps) == 1 else f", {steps[0]} to {steps[-1]} steps"
    seeds = f", {len(known)} seeds" if len(known) > 1 else f", seed {known[0]['seed']}"
    return f"{asked}{some}{seeds}, {known[0]['parameters'] / 1e6:.2f} M"


def _epochs(count: int | None) -> str:
    return "unknown time" if count is None else f"{count} epoch{'s' if count > 1 else ''}"
