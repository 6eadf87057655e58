"""The stages of a training: what they ask of data and encoder, and what they say."""

from __future__ import annotations

import errno
import fcntl
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from autosam.core.errors import DataError, Interrupted, ModelError
from autosam.models import context
from autosam.models.checkpoint import read_card
from autosam.training import choice
from autosam.training.run import RunFolder
from autosam.training.run_config import read_run_config, write_run_config
from autosam.training.train import train
from tests.training.small import TINY, Listens, Stops


def test_changed_data_is_not_resumed(discs: Path, tmp_path: Path) -> None:
    with pytest.raises(Interrupted):
        train(discs, tmp_path / "run", progress=Stops("training", 2), **TINY)
    mask = discs / "masks" / "case3.png"
    shutil.copy(discs / "masks" / "case4.png", mask)
    with pytest.raises(DataError, match="have changed"):
        train(discs, tmp_path / "run", resume=True, **TINY)


def test_a_run_of_other_networks_is_not_resumed(discs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as before:
        before.setattr(context, "SCALES", 3)
        with pytest.raises(Interrupted):
            train(discs, tmp_path / "run", progress=Stops("training", 2), **TINY)
    with pytest.raises(ModelError, match="other parts"):
        train(discs, tmp_path / "run", resume=True, **TINY)


@pytest.mark.parametrize("scales", [3, 4])
def test_a_training_from_a_checkpoint_has_its_networks(
    discs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, scales: int
) -> None:
    with monkeypatch.context() as before:
        before.setattr(context, "SCALES", scales)
        run = train(discs, tmp_path / "run", **{**TINY, "epochs": 1})
    on = train(discs, tmp_path / "on", init=run, **{**TINY, "epochs": 1})
    for each in (run, on):
        assert read_card(each / "model.safetensors").prompt_encoder_config == {"scales": scales, "normed": True}


def test_a_damaged_checkpoint_is_not_begun_with(discs: Path, tmp_path: Path) -> None:
    run = train(discs, tmp_path / "run", **{**TINY, "epochs": 1})
    file = run / "model.safetensors"
    content = bytearray(file.read_bytes())
    content[-5] ^= 0x7F
    file.write_bytes(content)
    with pytest.raises(ModelError, match="damaged") as caught:
        train(discs, tmp_path / "on", init=run, **TINY)
    assert caught.value.file == str(file)


def test_a_disk_without_locks_is_taken_on_trust(discs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def none(*_: object) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", none)
    assert (train(discs, tmp_path / "run", **{**TINY, "epochs": 1}) / "model.safetensors").is_file()


def test_a_training_leaves_a_persons_figures_alone(discs: Path, tmp_path: Path) -> None:
    pyplot = pytest.importorskip("matplotlib.pyplot")
    pyplot.switch_backend("svg")
    figure = pyplot.figure()
    train(discs, tmp_path / "run", **{**TINY, "epochs": 1})
    assert (pyplot.get_backend(), pyplot.get_fignums()) == ("svg", [figure.number])
    pyplot.close(figure)


def test_a_full_disk_is_said_to_take_views(discs: Path, tmp_path: Path, disk: Callable[[int], None]) -> None:
    disk(1 << 20)
    listener = Listens()
    run = train(discs, tmp_path / "run", progress=listener, **{**TINY, "epochs": 1})
    assert any("has room for 1 of 2 views" in said and "AUTOSAM_CACHE" in said for said in listener.said)
    plan = read_run_config(RunFolder(run).config)[1]
    assert plan is not None and plan.views == 1


def test_minutes_bound_the_whole_and_the_plan_is_written(discs: Path, tmp_path: Path) -> None:
    bounded: dict[str, Any] = {**TINY, "epochs": None, "minutes": 0.15}
    text = (train(discs, tmp_path / "run", **bounded) / "config.yaml").read_text()
    assert "0.15 minutes" in text
    assert "steps:" in text


def test_a_time_too_short_for_one_view_trains_live_and_resumes_to_the_bit(
    discs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bounded: dict[str, Any] = {**TINY, "epochs": None, "minutes": 0.15, "val": 0.5}
    monkeypatch.setattr(choice, "embedding_pace", lambda examples: 100.0)
    whole = train(discs, tmp_path / "whole", **bounded)
    plan = read_run_config(RunFolder(whole).config)[1]
    assert plan is not None
    assert (plan.views, plan.train, plan.val) == (0, 5, 4)
    assert "live views" in plan.why and "4 of the 5 images held out" in plan.why
    kept = list((tmp_path / "cache" / "embeddings").rglob("*.safetensors"))
    assert len(kept) == plan.val, "no view of a training image"
    # The written plan from its beginning, and stopped once.
    again = tmp_path / "again"
    again.mkdir()
    shutil.copy(RunFolder(whole).config, again)
    with pytest.raises(Interrupted):
        train(discs, again, resume=True, progress=Stops("training", 3), **bounded)
    train(discs, again, resume=True, **bounded)
    assert (again / "model.safetensors").read_bytes() == (whole / "model.safetensors").read_bytes()


def test_a_short_time_has_the_views_that_are_cached(
    discs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    train(discs, tmp_path / "long", **{**TINY, "epochs": 1, "views": 2})
    monkeypatch.setattr(choice, "embedding_pace", lambda examples: 100.0)
    run = train(discs, tmp_path / "short", **{**TINY, "epochs": None, "minutes": 0.15, "views": 4})
    plan = read_run_config(RunFolder(run).config)[1]
    assert plan is not None
    assert (plan.views, plan.val) == (2, 2)


def test_one_view_is_said_to_be_the_image_as_it_is(discs: Path, tmp_path: Path) -> None:
    cards = {}
    for views in (1, 2):
        listener = Listens()
        run = train(discs, tmp_path / str(views), progress=listener, **{**TINY, "epochs": 1, "views": views})
        cards[views] = (read_card(run / "model.safetensors").training["augment"], (run / "card.md").read_text())
        assert any("not augmented" in line for line in listener.said) == (views == 1)
    assert cards[1][0] == "none" and "without augmentation" in cards[1][1]
    assert cards[2][0] == "histology" and "augmentation histology, 2 views" in cards[2][1]


def test_what_was_killed_before_its_card_gets_it(discs: Path, tmp_path: Path) -> None:
    run = train(discs, tmp_path / "run", **{**TINY, "epochs": 1})
    model, card = (run / "model.safetensors").read_bytes(), (run / "card.md").read_text()
    for name in ("card.md", "curves.png", "preview.png"):
        (run / name).unlink()
    train(discs, run, resume=True, **{**TINY, "epochs": 1})
    assert (run / "card.md").read_text() == card and (run / "model.safetensors").read_bytes() == model
    assert (run / "curves.png").exists() and (run / "preview.png").exists()


def test_another_encoder_does_not_go_on_with_a_run(discs: Path, tmp_path: Path) -> None:
    with pytest.raises(Interrupted):
        train(discs, tmp_path / "run", progress=Stops("training", 2), **TINY)
    file = RunFolder(tmp_path / "run").config
    choices, plan = read_run_config(file)
    assert plan is not None
    write_run_config(file, choices, plan.model_copy(update={"encoder": "of another version"}))
    before = {path: path.read_bytes() for path in (tmp_path / "run").rglob("*") if path.is_file()}
    with pytest.raises(ModelError, match=r"of another version.*start another --out"):
        train(discs, tmp_path / "run", resume=True, **TINY)
    assert {path: path.read_bytes() for path in (tmp_path / "run").rglob("*") if path.is_file()} == before


def test_a_resumed_run_keeps_views_that_the_disk_took(discs: Path, tmp_path: Path, disk: Callable[[int], None]) -> None:
    disk(1 << 20)
    whole = train(discs, tmp_path / "whole", **TINY)
    with pytest.raises(Interrupted):
        train(discs, tmp_path / "part", progress=Stops("training", 4), **TINY)
    disk(100 << 30)
    resumed = train(discs, tmp_path / "part", resume=True, **TINY)
    assert (resumed / "model.safetensors").read_bytes() == (whole / "model.safetensors").read_bytes()
