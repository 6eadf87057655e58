"""A whole training on a tiny SAM: what is trained, what stays, and a resume that is exact."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import autosam
from autosam.core.errors import DataError, Interrupted, UsageError
from autosam.core.progress import Silent
from autosam.models.checkpoint import load, read_card
from autosam.models.frozen_sam import load_sam
from autosam.models.prompt_encoder import PROMPT_ENCODERS
from autosam.training.run import RunFolder
from autosam.training.train import train

TINY: dict[str, Any] = {
    "sam": "tiny-random",
    "size": 32,
    "batch": 3,
    "views": 2,
    "epochs": 3,
    "engine": "torch",
    # What is left open is measured, and chosen anew by a run that was stopped before it had a plan.
    "precision": "float32",
    "augment": "histology",
}


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


def test_a_run_holds_what_it_promises_and_sam_stays_as_it_was(discs: Path, tmp_path: Path) -> None:
    before = load_sam("tiny-random").fingerprint()
    run = train(discs, tmp_path / "run", **TINY)
    names = {path.name for path in run.iterdir()}
    assert names >= {
        "model.safetensors", "last", "config.yaml", "log.jsonl", "curves.png", "preview.png", "card.md", "data.json",
    }  # fmt: skip
    segmenter, card = load(run)
    assert segmenter.sam is not None
    assert segmenter.sam.fingerprint() == before == card.sam_fingerprint
    assert all(name.startswith(("g.", "h.")) for name in segmenter.trained().state_dict())
    assert 0 <= card.training["val_dice"] <= 1
    assert not any(str(part) in (run / "model.safetensors").read_bytes().decode("latin1") for part in (tmp_path, discs))


@pytest.mark.parametrize("stage", ["reading", "embeddings", "training"])
@pytest.mark.parametrize("at", [1, 4])
def test_a_stopped_run_resumed_elsewhere_is_equal_to_the_bit(discs: Path, tmp_path: Path, stage: str, at: int) -> None:
    whole = train(discs, tmp_path / "whole", **TINY)
    with pytest.raises(Interrupted, match=r"--resume|again"):
        train(discs, tmp_path / "part", progress=Stops(stage, at), **TINY)
    shutil.rmtree(tmp_path / "cache")
    shutil.move(tmp_path / "part", tmp_path / "moved")
    resumed = train(discs, tmp_path / "moved", resume=True, **TINY)
    assert (resumed / "model.safetensors").read_bytes() == (whole / "model.safetensors").read_bytes()
    assert (resumed / "log.jsonl").read_text() == (whole / "log.jsonl").read_text()


@pytest.mark.parametrize("at", [1, 3])
def test_a_resume_is_exact_under_the_papers_optimiser_too(discs: Path, tmp_path: Path, at: int) -> None:
    choices: dict[str, Any] = {**TINY, "batch": 2, "accumulate": 2, "optimiser": "adam", "schedule": "constant"}
    choices |= {"views": 0, "epochs": 2, "ema": 0.0, "loss": "minmax"}
    whole = train(discs, tmp_path / "whole", **choices)
    with pytest.raises(Interrupted):
        train(discs, tmp_path / "part", progress=Stops("training", at), **choices)
    resumed = train(discs, tmp_path / "part", resume=True, **choices)
    assert (resumed / "model.safetensors").read_bytes() == (whole / "model.safetensors").read_bytes()
    assert (resumed / "log.jsonl").read_text() == (whole / "log.jsonl").read_text()
    steps = [row for row in RunFolder(whole).rows() if "loss" in row]
    assert len(steps) == 2 * 2  # eight cases to train on, four a step, two epochs
    assert {row["lr"] for row in steps} == {1e-3}


def test_a_killed_process_loses_nothing(discs: Path, tmp_path: Path) -> None:
    flags = [f"--{name.replace('_', '-')}={value}" for name, value in TINY.items()]
    command = [sys.executable, "-c", "from autosam.cli.main import run; run()", "train", str(discs), "--out"]
    whole = train(discs, tmp_path / "whole", **TINY)
    first = subprocess.Popen([*command, str(tmp_path / "run"), *flags], stderr=subprocess.DEVNULL)
    while not list((tmp_path / "run").glob("last/*.safetensors")) and first.poll() is None:
        time.sleep(0.005)
    first.kill()
    first.wait()
    done = subprocess.run([*command, str(tmp_path / "run"), "--resume", *flags], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "run" / "model.safetensors").read_bytes() == (whole / "model.safetensors").read_bytes()


def test_a_finished_run_resumes_without_change(discs: Path, tmp_path: Path) -> None:
    run = train(discs, tmp_path / "run", **TINY)
    before = {path: path.stat().st_mtime_ns for path in run.rglob("*") if path.is_file()}
    train(discs, run, resume=True, **TINY)
    assert {path: path.stat().st_mtime_ns for path in run.rglob("*") if path.is_file()} == before


def test_nothing_is_overwritten(discs: Path, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("dear")
    for resume in (False, True):
        with pytest.raises(UsageError, match="mine"):
            train(discs, tmp_path / "mine", resume=resume, **TINY)
    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["thesis.txt"]


def test_changed_data_is_not_resumed(discs: Path, tmp_path: Path) -> None:
    with pytest.raises(Interrupted):
        train(discs, tmp_path / "run", progress=Stops("training", 2), **TINY)
    mask = discs / "masks" / "case3.png"
    shutil.copy(discs / "masks" / "case4.png", mask)
    with pytest.raises(DataError, match="have changed"):
        train(discs, tmp_path / "run", resume=True, **TINY)


def test_live_views_train_too(discs: Path, tmp_path: Path) -> None:
    live: dict[str, Any] = {**TINY, "views": 0, "epochs": 1}
    assert (train(discs, tmp_path / "run", **live) / "model.safetensors").exists()


class Listens(Silent):
    """Keeps what is said."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def say(self, message: str) -> None:
        self.said.append(message)


def test_a_full_disk_is_said_to_take_views(discs: Path, tmp_path: Path, disk: Callable[[int], None]) -> None:
    disk(1 << 20)
    listener = Listens()
    run = train(discs, tmp_path / "run", progress=listener, **{**TINY, "epochs": 1})
    assert any("has room for 1 of 2 views" in said and "AUTOSAM_CACHE" in said for said in listener.said)
    assert "in 1 views" in (run / "config.yaml").read_text()


def test_one_image_is_enough_and_said_to_be_little(discs: Path, tmp_path: Path) -> None:
    for path in sorted(discs.glob("*/case*.png")):
        if path.stem != "case0":
            path.unlink()
    run = train(discs, tmp_path / "run", **{**TINY, "epochs": 1})
    assert read_card(run / "model.safetensors").training["val_dice"] is None
    assert "nothing is known" in (run / "card.md").read_text()


def test_minutes_bound_the_whole_and_the_plan_is_written(discs: Path, tmp_path: Path) -> None:
    bounded: dict[str, Any] = {**TINY, "epochs": None, "minutes": 0.15}
    text = (train(discs, tmp_path / "run", **bounded) / "config.yaml").read_text()
    assert "0.15 minutes" in text
    assert "steps:" in text


@pytest.mark.parametrize("loss", ["bce-dice", "minmax"])
@pytest.mark.parametrize("name", PROMPT_ENCODERS)
def test_every_prompt_encoder_trains_and_the_gradient_stays_in_it(
    discs: Path, tmp_path: Path, name: str, loss: str
) -> None:
    torch.set_num_threads(1)
    choices: dict[str, Any] = {**TINY, "prompt_encoder": name, "epochs": 1, "loss": loss, "size": 64, "views": 1}
    run = train(discs, tmp_path / "run", **choices)
    model = autosam.load(run, engine="torch")
    assert model.card.mapping == ("minmax" if loss == "minmax" else "sigmoid")
    assert all(p.grad is None for p in model.predictor.masks.segmenter.sam.parameters())
    predicted = model.predict(np.zeros((30, 20, 3), np.uint8))
    assert predicted.mask.shape == (30, 20)
