"""A run's config.yaml: the choices, and the plan that was made of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from autosam.core.errors import ModelError, UsageError
from autosam.core.files import write_text
from autosam.inference.engine import first_line
from autosam.training.config import TrainConfig, in_words, make_config, read_choices

_ONE_LINE = 1 << 20


class Plan(BaseModel):
    """What was decided before the first step; a resumed run keeps it to the letter.

    Within a bound of time the end alone moves, while the run that made the plan goes on: see `earlier`.

    Attributes:
        views: views an image; 0 for live.
        steps: optimiser steps in all.
        epoch_steps: steps a pass over the training images; no whole number where steps run on over its end.
        validate_every: steps between validations.
        warmup: steps of rising learning rate.
        encoder: identity of the engine that encodes; None where no SAM is needed.
        engine: name of that engine.
        precision: its precision.
        step_precision: that of the steps.
        threads: torch's threads.
        encoder_threads: of those, how many encode one image; None for all.
        micro_batch: images that go through the network at once, where memory is too short for a whole batch.
        train: number of training cases.
        val: number of validation cases.
        data: digest over the ids and contents of all cases.
        why: one line that says how tiles, views and steps were chosen.
        tile: side in pixels of the tiles that larger images are cut into; None for whole images.
        tiles: number of tiles that are trained on; None for whole images.
        earlier: (step, steps) pairs in order: up to that step the plan had so many steps in all.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    views: int
    steps: int
    epoch_steps: int | float
    validate_every: int
    warmup: int
    encoder: str | None
    engine: str
    precision: str = "float32"
    step_precision: str = "float32"
    threads: int
    encoder_threads: int | None = None
    micro_batch: int | None = None
    train: int
    val: int
    data: str
    why: str
    tile: int | None = None
    tiles: int | None = None
    earlier: tuple[tuple[int, int], ...] = ()

    def steps_at(self, step: int) -> int:
        """Returns how many steps in all the plan had when `step` was taken: what a repeated step must go by."""
        return next((steps for until, steps in self.earlier if step <= until), self.steps)


def write_run_config(file: Path, config: TrainConfig, plan: Plan | None) -> None:
    """Writes a run's config.yaml: the choices and, once made, the plan."""
    content: dict[str, Any] = {"config": config.model_dump(mode="json")}
    if plan is not None:
        content["plan"] = plan.model_dump(mode="json")
    write_text(file, _as_yaml(content))


def _as_yaml(content: dict[str, Any]) -> str:
    text: str = yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=_ONE_LINE)
    if yaml.safe_load(text) != content:
        # Some rare marks (a "next line") are written as they are and read as a break.
        text = yaml.safe_dump(content, sort_keys=False, width=_ONE_LINE)
    return text


def read_run_config(file: Path) -> tuple[TrainConfig, Plan | None]:
    """Returns the choices and the plan (None where none was made yet) of a run's config.yaml.

    Raises:
        ModelError: where the file is not as training writes it.
    """
    content = read_choices(file)
    try:
        plan = content.get("plan")
        return TrainConfig(**content["config"]), None if plan is None else Plan(**plan)
    except ValidationError as fault:
        # Its own text would spell out the values, which aliases can make endless.
        raise ModelError(f"not a run's configuration ({in_words(fault)})", file=file) from None
    except (KeyError, TypeError) as fault:
        raise ModelError(f"not a run's configuration ({first_line(fault)})", file=file) from fault


def same_choices(given: dict[str, Any], stored: TrainConfig, file: Path) -> None:
    """Holds the choices of a resumed training, flags and a YAML's, to those it was started with.

    Raises:
        UsageError: naming the first one whose value differs.
    """
    asked = make_config({**stored.model_dump(exclude={"minutes", "epochs", "val", "val_data"}), **given})
    for name in given:
        new, old = getattr(asked, name), getattr(stored, name)
        if isinstance(new, Path) and isinstance(old, Path):
            new, old = new.resolve(), old.resolve()
        if new != old:
            flag = f"--{name.replace('_', '-')}" if name != "data" else "DATA"
            raise UsageError(
                f"{flag} is {new}, but the run was started with {old}",
                file=file,
                cure="Resume with the same, or start another --out",
            )
