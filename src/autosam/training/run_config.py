"""A run's config.yaml: the choices, and the plan that was made of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from autosam.core.errors import ModelError, UsageError
from autosam.core.files import write_text
from autosam.inference.engine import first_line
from autosam.models.frozen_sam import SAMS
from autosam.models.rivals import runs_sam
from autosam.models.weights import HUB_PREFIX
from autosam.training.config import EITHER, TrainConfig, in_words, make_config, read_table

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
    """Writes a run's config.yaml: the choices, their paths as `rooted` has them, and, once made, the plan."""
    content: dict[str, Any] = {"config": rooted(config).model_dump(mode="json")}
    if plan is not None:
        content["plan"] = plan.model_dump(mode="json")
    write_text(file, _as_yaml(content))


def rooted(config: TrainConfig) -> TrainConfig:
    """Returns the same choices with paths that lead from any folder to what they lead to from this one."""
    paths: dict[str, Path | str] = {name: value.absolute() for name, value in config if isinstance(value, Path)}
    if _is_local(config.sam):
        paths["sam"] = _absolute(config.sam)
    backbone = config.prompt_encoder.removeprefix(HUB_PREFIX)
    if backbone != config.prompt_encoder and Path(backbone).is_dir():
        paths["prompt_encoder"] = f"{HUB_PREFIX}{_absolute(backbone)}"
    return config.model_copy(update=paths)


def _is_local(sam: str) -> bool:
    return sam not in SAMS and Path(sam).exists()


def _absolute(place: str) -> str:
    # Its own name stays where it is a link: MedSAM's weights are known by it.
    return str(Path(place).parent.resolve() / Path(place).name)


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
    content = read_table(file)
    try:
        plan = content.get("plan")
        return TrainConfig(**content["config"]), None if plan is None else Plan(**plan)
    except ValidationError as fault:
        # Its own text would spell out the values, which aliases can make endless.
        raise ModelError(f"not a run's configuration ({in_words(fault)})", file=file) from None
    except (KeyError, TypeError) as fault:
        raise ModelError(f"not a run's configuration ({first_line(fault)})", file=file) from fault


def same_choices(given: dict[str, Any], stored: TrainConfig, file: Path) -> TrainConfig:
    """Returns the choices of a resumed training, to which those given, flags and a YAML's, are held.

    Where data or a SAM's file are gone from their place, a given one that is there takes their place: the plan holds
    data to their contents and an encoder to its weights.

    Raises:
        UsageError: naming the first one whose value differs.
    """
    stored = rooted(stored)
    apart = {name for pair in EITHER for name in pair}
    asked = rooted(make_config({**stored.model_dump(exclude=apart), **given}))
    moved = {}
    for name in given:
        new, old = getattr(asked, name), getattr(stored, name)
        if isinstance(new, Path) and isinstance(old, Path):
            new, old = new.resolve(), old.resolve()
        if new == old:
            continue
        if name in _places(stored) and not Path(old).exists() and Path(new).exists():
            moved[name] = getattr(asked, name)
            continue
        flag = f"--{name.replace('_', '-')}" if name != "data" else "DATA"
        raise UsageError(
            f"{flag} is {new}, but the run was started with {old}",
            file=file,
            cure="Resume with the same, or start another --out",
        )
    return stored.model_copy(update=moved)


def _places(config: TrainConfig) -> list[str]:
    """Returns which choices are places whose contents are held to what they were."""
    data = ["data"] if config.val_data is None else ["data", "val_data"]
    encoded = config.has_sam and not runs_sam(config.method)
    return [*data, "sam"] if encoded and Path(config.sam).is_absolute() else data
