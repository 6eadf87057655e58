"""The state of a training, for an exact resume: the last two are kept, and a damaged one is never trusted."""

from __future__ import annotations

import hashlib
import json
import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from autosam.core.errors import ModelError
from autosam.core.files import write_bytes
from autosam.models.checkpoint import read_description, to_bytes
from autosam.models.tensors import digest_of, load_tensors

log = logging.getLogger(__name__)

Tensors = dict[str, torch.Tensor]
_KEPT = 2


@dataclass(frozen=True, slots=True)
class State:
    """Everything that the next step depends on.

    Attributes:
        step: steps done.
        weights: g and h as the optimiser has them.
        average: their exponential average, which is evaluated.
        best: the average at the best validation so far.
        best_dice: that validation's mean Dice; None before the first.
        best_step: its step.
        optimiser: its state, flat: "NAME.exp_avg" and so on.
        skipped: steps that were left out because their loss, gradient or weights, or the logits of the validation after
            them, were not finite.
        good: step of the last state that is known to be good (`Rollback`); 0 for the first weights.
    """

    step: int
    weights: Tensors
    average: Tensors
    best: Tensors
    best_dice: float | None
    best_step: int
    optimiser: Tensors
    skipped: int = 0
    good: int = 0


def save_state(folder: Path, state: State) -> None:
    """Writes a state, then drops all but the last two and the good one."""
    parts = {"weights": state.weights, "average": state.average, "best": state.best, "optimiser": state.optimiser}
    tensors = {f"{part}/{name}": value for part, held in parts.items() for name, value in held.items()}
    described: dict[str, Any] = {
        "step": state.step,
        "best_dice": state.best_dice,
        "best_step": state.best_step,
        "skipped": state.skipped,
        "good": state.good,
    }
    described["digest"] = _seal(described, tensors)
    write_bytes(_file(folder, state.step), to_bytes(tensors, described))
    for old in _files(folder)[_KEPT:]:
        if old != _file(folder, state.good):
            old.unlink(missing_ok=True)


def forget_states_after(folder: Path, step: int) -> None:
    """Drops the states of steps past `step`."""
    for file in _files(folder):
        if file > _file(folder, step):
            file.unlink(missing_ok=True)


def recall_state(folder: Path, step: int) -> State:
    """Returns the state of a step that was kept.

    Raises:
        ModelError: where it is missing or damaged.
    """
    return _read(_file(folder, step))


def load_state(folder: Path) -> State | None:
    """Returns the last whole state of a folder, or None where there is none yet.

    Raises:
        ModelError: where there are states and none of them is whole.
    """
    files = _files(folder)
    for file in files:
        try:
            return _read(file)
        except ModelError as fault:
            log.warning("%s; using the state before it", fault)
    if files:
        raise ModelError("no state in it is whole", file=folder, cure="Start again with another --out")
    return None


def _read(file: Path) -> State:
    described, tensors = read_description(file), load_tensors(file)
    if not isinstance(described, dict) or described.pop("digest", None) != _seal(described, tensors):
        raise ModelError("its contents do not match their checksum", file=file)
    parts: dict[str, Tensors] = {"weights": {}, "average": {}, "best": {}, "optimiser": {}}
    for name, value in tensors.items():
        part, _, rest = name.partition("/")
        parts[part][rest] = value
    return State(
        step=described["step"],
        best_dice=described["best_dice"],
        best_step=described["best_step"],
        skipped=described["skipped"],
        good=described["good"],
        **parts,
    )


def _seal(described: dict[str, Any], tensors: Tensors) -> str:
    text = json.dumps(described, sort_keys=True) + digest_of(tensors)
    return hashlib.sha256(text.encode()).hexdigest()


def _file(folder: Path, step: int) -> Path:
    return folder / f"state-{step:08d}.safetensors"


def _files(folder: Path) -> list[Path]:
    return sorted(folder.glob("state-*.safetensors"), reverse=True)
