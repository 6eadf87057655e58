"""The choices of a training of seconds, and listeners to it."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

from autosam.core.progress import Silent
from autosam.training.config import TrainConfig

TINY: dict[str, Any] = {
    "sam": "tiny-random",
    "size": 32,
    "batch": 3,
    "views": 2,
    "val": 0.2,
    "epochs": 3,
    "engine": "torch",
    # What is left open is measured, and chosen anew by a run that was stopped before it had a plan.
    "precision": "float32",
    "augment": "histology",
}
# Eight training discs: two steps an epoch, twelve in all.
LONGER: dict[str, Any] = {**TINY, "batch": 4, "views": 1, "epochs": 6, "augment": "light"}


def tiny_config(data: Path, **choices: Any) -> TrainConfig:
    """Returns the choices for a data set, with others of them."""
    return TrainConfig.model_validate({**TINY, "data": data, **choices})


class Stops(Silent):
    """Asks to stop, as Ctrl-C does, at the n-th piece of a stage."""

    def __init__(self, stage: str, at: int) -> None:
        self._stage, self._left, self._now = stage, at, ""

    def start(self, what: str, total: int | None = None, done: int = 0) -> None:
        self._now = what

    def advance(self, pieces: int = 1, note: str = "") -> None:
        if self._now.startswith(self._stage):
            self._left -= 1
            if self._left == 0:
                os.kill(os.getpid(), signal.SIGINT)


class Listens(Silent):
    """Keeps what is said."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def say(self, message: str) -> None:
        self.said.append(message)
