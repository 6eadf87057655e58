"""A whole training on a tiny SAM: what is trained, what stays, and a resume that is exact."""

from __future__ import annotations

import errno
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import autosam
from autosam.core.errors import DataError, Interrupted, ModelError, UsageError
from autosam.models.checkpoint import load, read_card
from autosam.models.frozen_sam import load_sam
from autosam.models.prompt_encoder import PROMPT_ENCODERS
from autosam.training.learning import read_history
from autosam.training.run import RunFolder
from autosam.training.train import train
from tests.training.small import TINY, Stops


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
    choices: dict[str, Any] = {**TINY, "batch": 3, "accumulate": 2, "optimiser": "adam", "schedule": "constant"}
    choices |= {"views": 0, "epochs": 3, "ema": 0.0, "loss": "minmax"}
    whole = train(discs, tmp_path / "whole", **choices)
    with pytest.raises(Interrupted):
        train(discs, tmp_path / "part", progress=Stops("training", at), **choices)
    resumed = train(discs, tmp_path / "part", resume=True, **choices)
    assert (resumed / "model.safetensors").read_bytes() == (whole / "model.safetensors").read_bytes()
    assert (resumed / "log.jsonl").read_text() == (whole / "log.jsonl").read_text()
    steps = [row for row in RunFolder(whole).rows() if "loss" in row]
    assert len(steps) == 4  # eight cases to train on, six a step, three epochs
    assert "4 steps of 6 images" in (whole / "card.md").read_text()
    history = read_history("a", whole)
    assert history is not None and history.curve("loss")[0] == [6, 12, 18, 24]
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


def test_a_run_goes_on_from_another_folder_with_its_data_moved(
    discs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = train(discs, tmp_path / "whole", **TINY)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(Interrupted):
        train("discs", "part", progress=Stops("training", 2), **TINY)
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    with pytest.raises(Interrupted):
        train("../discs", "../part", resume=True, progress=Stops("training", 1), **TINY)
    discs.rename(tmp_path / "moved")
    with pytest.raises(DataError, match=r"discs: there is no such folder.*--resume.*new place"):
        train("../discs", "../part", resume=True, **TINY)
    resumed = train("../moved", "../part", resume=True, **TINY)
    assert (resumed / "model.safetensors").read_bytes() == (whole / "model.safetensors").read_bytes()


def test_a_sam_that_is_gone_is_named_with_the_way_to_name_another_place(discs: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"gone\.pth: there is no such file or folder\. Say with --sam where"):
        train(discs, tmp_path / "run", **{**TINY, "sam": str(tmp_path / "gone.pth")})


def test_a_run_of_before_goes_on_where_it_was_begun(
    discs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(Interrupted):
        train("discs", "part", progress=Stops("training", 2), **TINY)
    file = tmp_path / "part" / "config.yaml"
    file.write_text(file.read_text().replace(f"data: {discs}", "data: discs"))
    assert "data: discs\n" in file.read_text()
    assert (train("discs", "part", resume=True, **TINY) / "card.md").exists()


@pytest.mark.parametrize("at", [1, 4])
def test_a_run_goes_on_without_what_it_began_from(discs: Path, tmp_path: Path, at: int) -> None:
    init = train(discs, tmp_path / "init", **{**TINY, "epochs": 1})
    choices: dict[str, Any] = {**TINY, "seed": 1, "init": init}
    whole = train(discs, tmp_path / "whole", **choices)
    with pytest.raises(Interrupted):
        train(discs, tmp_path / "part", progress=Stops("training", at), **choices)
    shutil.rmtree(init)
    resumed = train(discs, tmp_path / "part", resume=True, **choices)
    for name in ("model.safetensors", "log.jsonl", "data.json"):
        assert (resumed / name).read_bytes() == (whole / name).read_bytes()
    # Back to the first weights, as a loss that is not finite brings it, needs them as well.
    assert (resumed / "last" / "first.safetensors").exists()


def test_a_finished_run_resumes_without_change(discs: Path, tmp_path: Path) -> None:
    run = train(discs, tmp_path / "run", **TINY)
    before = {path: path.stat().st_mtime_ns for path in run.rglob("*") if path.is_file()}
    train(discs, run, resume=True, **TINY)
    assert {path: path.stat().st_mtime_ns for path in run.rglob("*") if path.is_file()} == before


def test_the_callers_process_stays_as_it_was(discs: Path, tmp_path: Path) -> None:
    def found() -> tuple[object, ...]:
        handlers = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
        return torch.get_num_threads(), torch.get_rng_state().tolist(), random.getstate(), handlers

    threads = torch.get_num_threads()
    try:
        torch.set_num_threads(2)
        with pytest.raises(Interrupted):
            train(discs, tmp_path / "run", progress=Stops("training", 2), **TINY)
        torch.set_num_threads(1)
        before = found()
        with pytest.raises(Interrupted):
            train(discs, tmp_path / "run", resume=True, progress=Stops("training", 1), **TINY)
        assert found() == before
        train(discs, tmp_path / "run", resume=True, **TINY)
        assert found() == before
        model = autosam.load(tmp_path / "run", engine="torch", precision="float32")
        model.predict(np.zeros((30, 20, 3), np.uint8))
        autosam.evaluate(tmp_path / "run", discs, engine="torch", precision="float32")
        assert found() == before
    finally:
        torch.set_num_threads(threads)


def test_an_edited_yaml_is_not_resumed(discs: Path, tmp_path: Path) -> None:
    file = tmp_path / "choices.yaml"
    file.write_text("accumulate: 2\nminutes: 3\n")
    choices: dict[str, Any] = {**TINY, "epochs": 1, "config": file}
    run = train(discs, tmp_path / "run", **choices)
    train(discs, run, resume=True, **choices)
    file.write_text("accumulate: 3\nminutes: 3\n")
    with pytest.raises(UsageError, match="accumulate is 3, but the run was started with 2"):
        train(discs, run, resume=True, **choices)


def test_a_resume_repeats_what_a_network_draws(discs: Path, tmp_path: Path) -> None:
    transformers = pytest.importorskip("transformers")
    structure = transformers.SwinConfig(
        depths=[1, 1, 2], embed_dim=8, num_heads=[1, 1, 2], window_size=4, drop_path_rate=0.5, num_labels=2
    )
    transformers.SwinForImageClassification(structure).save_pretrained(tmp_path / "swin")
    choices: dict[str, Any] = {**TINY, "prompt_encoder": f"hf:{tmp_path / 'swin'}", "epochs": 2, "views": 1, "size": 64}
    whole = train(discs, tmp_path / "whole", **choices)
    with pytest.raises(Interrupted):
        train(discs, tmp_path / "part", progress=Stops("training", 4), **choices)
    torch.rand(7)
    resumed = train(discs, tmp_path / "part", resume=True, **choices)
    assert (resumed / "model.safetensors").read_bytes() == (whole / "model.safetensors").read_bytes()


def test_nothing_is_overwritten(discs: Path, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("dear")
    for resume in (False, True):
        with pytest.raises(UsageError, match="mine"):
            train(discs, tmp_path / "mine", resume=resume, **TINY)
    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["thesis.txt"]


def test_a_folder_that_was_there_stays_and_one_that_was_made_goes(discs: Path, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    for out in ("mine", "mine/of/this", "new/run"):
        with pytest.raises(DataError, match="nowhere"):
            train(tmp_path / "nowhere", tmp_path / out, **TINY)
        assert not any((tmp_path / "mine").iterdir())
    assert not (tmp_path / "new").exists()


def test_a_fault_before_the_plan_leaves_nothing(discs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as faulty:
        faulty.setattr("autosam.training.course.write_json", full)
        with pytest.raises(OSError, match="No space"):
            train(discs, tmp_path / "run", **TINY)
    assert not (tmp_path / "run").exists()


def test_live_views_train_too(discs: Path, tmp_path: Path) -> None:
    live: dict[str, Any] = {**TINY, "views": 0, "epochs": 1}
    assert (train(discs, tmp_path / "run", **live) / "model.safetensors").exists()


def test_one_image_is_enough_and_said_to_be_little(discs: Path, tmp_path: Path) -> None:
    for path in sorted(discs.glob("*/case*.png")):
        if path.stem != "case0":
            path.unlink()
    run = train(discs, tmp_path / "run", **{**TINY, "epochs": 1})
    assert read_card(run / "model.safetensors").training["val_dice"] is None
    assert "nothing is known" in (run / "card.md").read_text()


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
