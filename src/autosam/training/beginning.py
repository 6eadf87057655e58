"""The weights that a training begins with, kept in its run: a resume needs no other run and no other file."""

from __future__ import annotations

from pathlib import Path

from autosam.core.files import sha256
from autosam.models.card import Card
from autosam.models.checkpoint import model_file, read_card, save
from autosam.models.segmenter import Segmenter
from autosam.training.config import TrainConfig


def begun_from(config: TrainConfig, first: Path) -> TrainConfig:
    """Returns the choices with the checkpoint of the first weights, where there is one, in place of their sources."""
    return config.model_copy(update={"init": first, "weights": None}) if first.exists() else config


def sources(config: TrainConfig, first: Path) -> dict[str, str]:
    """Returns the SHA-256 of the files ("init", "weights") whose weights a training begins with.

    Raises:
        ModelError: where the checkpoint of the first weights is damaged.
    """
    files = {"init": config.init and model_file(config.init), "weights": config.weights}
    named = {name: file for name, file in files.items() if file is not None}
    if named and first.exists():
        told = read_card(first).training
        return {name: told[name] for name in named}
    return {name: sha256(file) for name, file in named.items()}


def keep_first(first: Path, config: TrainConfig, segmenter: Segmenter, card: Card) -> None:
    """Writes the checkpoint of the first weights, where they are another file's."""
    if (config.init is not None or config.weights is not None) and not first.exists():
        save(first, segmenter.trained().state_dict(), card)
