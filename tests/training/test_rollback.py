"""Steps that go wrong: back to the last good state, thrice at most, and the same whether interrupted or not."""

from __future__ import annotations

import json
import os
import shutil
import signal
from pathlib import Path
from typing import Any

import pytest
import torch

from autosam.core.errors import DataError, Interrupted, NotFiniteError, ResourceError
from autosam.core.progress import Silent
from autosam.training import fit, keeper
from autosam.training.memory import within_memory
from autosam.training.run_config import read_run_config
from autosam.training.train import train
from tests.training.small import LONGER


class Heard(Silent):
    """Keeps what was said; asks to stop, as Ctrl-C does, after so many steps."""

    def __init__(self, stop_after: int | None = None) -> None:
        self.said: list[str] = []
        self._left, self._now = stop_after, ""

    def start(self, what: str, total: int | None = None, done: int = 0) -> None:
        self._now = what
        if what == "training" and self._left is not None:
            self._left -= done

    def say(self, message: str) -> None:
        self.said.append(message)

    def advance(self, pieces: int = 1, note: str = "") -> None:
        if self._now == "training" and self._left is not None:
            self._left -= pieces
            if self._left == 0:
                os.kill(os.getpid(), signal.SIGINT)


@pytest.fixture
def faults(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Steps whose loss is not finite ("nan"), and images at a time that memory is too short for ("most")."""
    chosen: dict[str, Any] = {"nan": set(), "most": 99, "from": 0}
    now = [0]
    rate, update = fit.learning_rate, fit.update

    def noted(step: int, *rest: Any) -> float:
        now[0] = step
        return rate(step, *rest)

    def spoiled(segmenter: Any, optimiser: Any, batch: Any, *rest: Any, at_once: int) -> Any:
        if now[0] >= chosen["from"] and min(at_once, len(batch.ids)) > chosen["most"]:
            raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 1 bytes")
        done = update(segmenter, optimiser, batch, *rest, at_once=at_once)
        if now[0] in chosen["nan"]:
            with torch.no_grad():
                next(segmenter.trained().parameters()).fill_(torch.nan)
            return None
        return done

    monkeypatch.setattr(fit, "learning_rate", noted)
    monkeypatch.setattr(fit, "update", spoiled)
    return chosen


def _rows(run: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]


# Two steps an epoch, a validation after each: states at 2, 4, ... are good one step later.
@pytest.mark.parametrize(("step", "target"), [(1, 0), (2, 0), (3, 0), (4, 2), (5, 2), (6, 4)])
def test_it_goes_back_to_the_last_good_state(
    discs: Path, tmp_path: Path, faults: dict[str, Any], step: int, target: int
) -> None:
    faults["nan"] = {step}
    heard = Heard()
    run = train(discs, tmp_path / "run", progress=heard, **LONGER)
    skipped = [row for row in _rows(run) if "skipped" in row]
    assert [(row["step"], row["back_to"]) for row in skipped] == [(step, target)]
    assert any(f"step {step}" in line and str(discs / "images") in line for line in heard.said)
    rates = {row["step"]: row["lr"] for row in _rows(run) if "lr" in row}
    assert len(rates) == 11


def test_an_interrupted_one_goes_back_to_the_same(discs: Path, tmp_path: Path, faults: dict[str, Any]) -> None:
    faults["nan"] = {6, 9}
    whole = train(discs, tmp_path / "whole", **LONGER)
    for stop in (5, 6, 7, 9):
        out = tmp_path / f"stopped-{stop}"
        with pytest.raises(Interrupted):
            train(discs, out, progress=Heard(stop), **LONGER)
        with pytest.raises(Interrupted):
            train(discs, out, resume=True, progress=Heard(1 + stop), **LONGER)
        train(discs, out, resume=True, **LONGER)
        for name in ("model.safetensors", "log.jsonl"):
            assert (out / name).read_bytes() == (whole / name).read_bytes(), (stop, name)


def test_three_end_it_with_the_good_state(discs: Path, tmp_path: Path, faults: dict[str, Any]) -> None:
    faults["nan"] = {6, 7, 8}
    with pytest.raises(DataError, match=r"not finite at 3 steps.*case\d\.png.*the state of step 4") as told:
        train(discs, tmp_path / "run", **LONGER)
    assert "--lr" in told.value.message
    assert max(path.name for path in (tmp_path / "run" / "last").iterdir()) == "state-00000004.safetensors"
    with pytest.raises(DataError, match="not finite"):
        train(discs, tmp_path / "run", resume=True, **LONGER)


def test_logits_of_a_validation_that_are_not_finite_bring_it_back(
    discs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    validate = keeper.mean_dice
    looks = 0

    def spoiled(*given: Any) -> float:
        nonlocal looks
        looks += 1
        if looks == 2:
            raise NotFiniteError("the model gave logits that are no finite numbers")
        return validate(*given)

    monkeypatch.setattr(keeper, "mean_dice", spoiled)
    heard = Heard()
    run = train(discs, tmp_path / "run", progress=heard, **LONGER)
    assert [(row["step"], row["back_to"]) for row in _rows(run) if "skipped" in row] == [(4, 2)]
    assert any("logits of the validation were not finite at step 4" in line for line in heard.said)
    rates = {row["step"]: row["lr"] for row in _rows(run) if "lr" in row}
    assert rates[5] < rates[4] / 1.8
    assert [row["step"] for row in _rows(run) if "val_dice" in row] == [2, 4, 6, 8, 10, 12]


def test_a_rate_past_all_use_ends_with_its_name(discs: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"not finite at 3 steps.*lower --lr"):
        train(discs, tmp_path / "run", **{**LONGER, "lr": 1e9})


def test_short_memory_takes_a_smaller_batch_and_writes_it_down(
    discs: Path, tmp_path: Path, faults: dict[str, Any]
) -> None:
    faults |= {"most": 2, "from": 5}
    heard = Heard()
    run = train(discs, tmp_path / "run", progress=heard, **LONGER)
    assert any("smaller batch, 2 of 4 images" in line for line in heard.said)
    plan = read_run_config(run / "config.yaml")[1]
    assert plan is not None
    assert plan.micro_batch == 2
    # Killed after the plan was changed, it goes on as it would have.
    out = tmp_path / "stopped"
    with pytest.raises(Interrupted):
        # Four steps, the same four told again after the return to them, three more.
        train(discs, out, progress=Heard(11), **LONGER)
    train(discs, out, resume=True, **LONGER)
    assert (out / "model.safetensors").read_bytes() == (run / "model.safetensors").read_bytes()


def test_no_memory_at_all_is_told(discs: Path, tmp_path: Path, faults: dict[str, Any]) -> None:
    faults["most"] = 0
    with pytest.raises(ResourceError, match="one image at a time"):
        train(discs, tmp_path / "run", **LONGER)


def test_half_as_many_images_are_tried_each_time() -> None:
    tried: list[int | None] = []

    def work(images: int | None) -> str:
        tried.append(images)
        if images is None or images > 2:
            raise MemoryError
        return "done"

    told: list[int] = []
    assert within_memory(work, 7, None, told.append) == "done"
    assert (tried, told) == ([None, 4, 2], [4, 2])
    with pytest.raises(ValueError, match="other"):
        within_memory(lambda images: (_ for _ in ()).throw(ValueError("other")), 7, None, told.append)


def test_fewer_images_go_on_without_what_memory_failed() -> None:
    before = torch.backends.mkldnn.enabled
    tried: list[tuple[int | None, bool]] = []

    def work(images: int | None) -> int:
        tried.append((images, torch.backends.mkldnn.enabled))
        if images is None or images > 2:
            raise MemoryError
        return images

    assert within_memory(work, 8, None, lambda _: None) == 2
    assert tried == [(None, before), (4, False), (2, False)]
    assert torch.backends.mkldnn.enabled == before
    with pytest.raises(ValueError, match="other"):
        within_memory(lambda images: (_ for _ in ()).throw(ValueError("other")), 8, 4, lambda _: None)


def test_the_first_weights_of_another_run_are_gone_back_to_without_it(
    discs: Path, tmp_path: Path, faults: dict[str, Any]
) -> None:
    init = train(discs, tmp_path / "init", **{**LONGER, "epochs": 1})
    choices: dict[str, Any] = {**LONGER, "init": init, "seed": 1}
    faults["nan"] = {2}
    whole = train(discs, tmp_path / "whole", **choices)
    with pytest.raises(Interrupted):
        train(discs, tmp_path / "part", progress=Heard(stop_after=1), **choices)
    shutil.rmtree(init)
    resumed = train(discs, tmp_path / "part", resume=True, **choices)
    assert "back_to" in (resumed / "log.jsonl").read_text()
    assert (resumed / "model.safetensors").read_bytes() == (whole / "model.safetensors").read_bytes()
