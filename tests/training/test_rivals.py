"""Every rival through the same loop: a whole training, its use, its resume, its bound of time."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import autosam
from autosam.core.errors import Interrupted, UsageError
from autosam.core.progress import Silent
from autosam.models.checkpoint import read_card
from autosam.models.frozen_sam import load_sam
from autosam.models.rivals import METHODS, RIVALS
from autosam.training.config import make_config
from autosam.training.run_config import read_run_config
from autosam.training.train import train

TINY: dict[str, Any] = {
    "sam": "tiny-random", "size": 64, "batch": 3, "epochs": 2, "engine": "torch", "width": 4,
    "prompt_encoder": "hardnet39ds", "precision": "float32",
}  # fmt: skip


class StopsAtStep(Silent):
    """Asks to stop in the middle of the steps, as Ctrl-C does."""

    def __init__(self, at: int) -> None:
        self._left, self._now = at, ""

    def start(self, what: str, total: int | None = None, done: int = 0) -> None:
        self._now = what

    def advance(self, pieces: int = 1, note: str = "") -> None:
        if self._now == "training" and pieces:
            self._left -= 1
            if self._left == 0:
                os.kill(os.getpid(), signal.SIGINT)


@pytest.mark.parametrize("name", RIVALS)
def test_a_rival_trains_predicts_and_is_evaluated(name: str, discs: Path, tmp_path: Path) -> None:
    run = train(discs, tmp_path / "run", method=name, **TINY)
    card = read_card(run / "model.safetensors")
    needs = RIVALS[name].needs
    assert card.method == name
    assert (card.sam, card.sam_fingerprint) == (
        ("none", "") if needs == "nothing" else ("tiny-random", load_sam("tiny-random").fingerprint())
    )
    # Embeddings are cached only where those of the frozen encoder are the ones that the method decodes.
    cached = [path for path in (tmp_path / "cache").rglob("*") if path.is_file() and "embeddings" in path.parts]
    assert bool(cached) == (needs == "embedding")
    assert {path.name for path in run.iterdir()} >= {"curves.png", "preview.png", "card.md", "log.jsonl"}
    assert "as a rival of AutoSAM" in (run / "card.md").read_text()
    rows = [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]
    assert all("loss_surrogate" not in row for row in rows)
    model = autosam.load(run, engine="torch")
    predicted = model.predict(np.zeros((30, 20, 3), np.uint8))
    assert predicted.mask.shape == (30, 20) and predicted.surrogate is None
    assert (model.encoder is not None) == (needs == "embedding")
    summary = autosam.evaluate(run, discs, engine="torch").summary()
    assert summary["failed"] == 0 and 0 <= summary["dice"]["mean"] <= 1


@pytest.mark.parametrize("name", ["unet", "tuned-decoder"])
def test_a_stopped_rival_resumes_to_the_bit(name: str, discs: Path, tmp_path: Path) -> None:
    whole = train(discs, tmp_path / "whole", method=name, **TINY)
    with pytest.raises(Interrupted):
        train(discs, tmp_path / "part", method=name, progress=StopsAtStep(3), **TINY)
    resumed = train(discs, tmp_path / "part", method=name, resume=True, **TINY)
    assert (resumed / "model.safetensors").read_bytes() == (whole / "model.safetensors").read_bytes()


@pytest.mark.parametrize("name", ["unet", "medical-sam-adapter"])
def test_minutes_bound_a_live_method(name: str, discs: Path, tmp_path: Path) -> None:
    choices = {**TINY, "epochs": None, "minutes": 0.15}
    plan = read_run_config(train(discs, tmp_path / "run", method=name, **choices) / "config.yaml")[1]
    assert plan is not None and plan.encoder is None and plan.views == 0
    assert "live views" in plan.why and plan.steps >= 10


def test_a_rivals_defaults_give_way_to_what_is_asked_for() -> None:
    for name in METHODS:
        assert make_config({"data": "x", "method": name, "views": 3, "lr": 0.5}).views == 3
    assert make_config({"data": "x", "method": "unet"}).views == 0
    assert make_config({"data": "x"}).views == 8
    with pytest.raises(UsageError, match="Did you mean 'unet'"):
        make_config({"data": "x", "method": "u-net"})


def test_another_methods_weights_are_no_start(discs: Path, tmp_path: Path) -> None:
    run = train(discs, tmp_path / "run", method="unet", **{**TINY, "epochs": 1})
    with pytest.raises(UsageError, match="--method unet"):
        train(discs, tmp_path / "next", init=run, **TINY)
    again = train(discs, tmp_path / "again", method="unet", init=run, **{**TINY, "epochs": 1})
    assert read_card(again / "model.safetensors").method == "unet"
    with pytest.raises(UsageError, match="no pretrained weights"):
        train(discs, tmp_path / "none", method="unet", weights=run / "model.safetensors", **TINY)
