"""A run with its convolutions in integers: near the one it was made of, and a run like any other."""

from __future__ import annotations

import math
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

import autosam
from autosam.benchmarks.budget import budget_of
from autosam.core.errors import DataError, ModelError, UsageError
from autosam.data.images import content_hash, read_image
from autosam.evaluation.seen import recorded
from autosam.models.checkpoint import digest, read_card, read_trained, save
from autosam.training import quantise
from autosam.training.quantise import quantise_run
from autosam.training.train import train
from tests.training.small import TINY, Listens

KINDS: dict[str, dict[str, Any]] = {
    "autosam": {"prompt_encoder": "hardnet39ds"},
    "unet": {"method": "unet", "width": 16},
    "hardnet-segmentation": {"method": "hardnet-segmentation", "prompt_encoder": "hardnet39ds"},
}


@pytest.fixture(params=KINDS)
def run(request: pytest.FixtureRequest, discs: Path, tmp_path: Path) -> Path:
    return train(discs, tmp_path / "run", **{**TINY, "size": 64, "epochs": 1, "views": 1, **KINDS[request.param]})


def test_masks_stay_near_and_every_engine_makes_them(run: Path, discs: Path, tmp_path: Path) -> None:
    made = quantise_run(run, discs / "images", tmp_path / "int8", count=4, engine="torch")
    card, before = read_card(made.run / "model.safetensors"), read_card(run / "model.safetensors")
    origin = {name: value for name, value in before.training.items() if name != "val_dice"}
    spent = {"minutes": None, "epochs": 1, "quantised_from": digest(run)}
    assert card == replace(before, quantised=4, training={**origin, **spent})
    assert budget_of(made.run) == {**budget_of(run), "seconds": None}
    assert card.title == f"{before.title}, int8"
    assert (made.images, made.compared, made.apart) == (4, 4, True)
    assert set(made.agreement) == ({"sam", "surrogate"} if before.method == "autosam" else {"own"})
    assert made.layers > 10
    assert made.bytes[1] < made.bytes[0] / 2
    file = discs / "images" / "case0.png"
    exact = autosam.load(run, engine="torch", precision="float32").predict(file).probability
    reference = autosam.load(made.run, engine="torch", precision="float32").predict(file).probability
    assert np.abs(reference - exact).mean() < 0.05
    assert not np.array_equal(reference, exact)
    engines = ("openvino", "onnxruntime") if before.method == "unet" else ("openvino",)
    for engine in engines:
        other = autosam.load(made.run, engine=engine, precision="float32").predict(file).probability
        # Where a sum falls between two levels, engines may take either.
        assert np.abs(other - reference).mean() < 0.01, engine
    report = autosam.evaluate(made.run, discs, out=tmp_path / "report", engine="torch")
    assert report.summary()["failed"] == 0
    assert report.summary()["provenance"]["model"]["quantised"] == 4
    for one in made.agreement.values():
        assert one.engine.startswith("torch")
        assert 0 <= one.empty <= 4


@pytest.mark.parametrize("run", ["unet"], indirect=True)
def test_what_was_observed_is_on_record_and_nothing_trains_on_from_integers(
    run: Path, discs: Path, tmp_path: Path
) -> None:
    before = recorded(run)
    assert before is not None
    known = [discs / "images" / f"{name}.png" for part in before.values() for name in part]
    made = quantise_run(run, known, tmp_path / "int8", engine="torch")
    assert not made.apart
    assert recorded(made.run) == before
    new = tmp_path / "new.png"
    Image.fromarray(255 - np.asarray(Image.open(known[0]))).save(new)
    other = quantise_run(run, [new], tmp_path / "other", engine="torch")
    assert recorded(other.run) == {**before, "quantise": {"new": content_hash(read_image(new))}}
    text = (made.run / "card.md").read_text(encoding="utf-8")
    assert "| own |" in text and "the same images" in text
    with pytest.raises(UsageError, match="quantised already"):
        quantise_run(made.run, [new], tmp_path / "twice")
    with pytest.raises(UsageError, match="--init is quantised"):
        train(discs, tmp_path / "from", **{**TINY, "size": 64, **KINDS["unet"], "init": made.run})
    assert not (tmp_path / "twice").exists()
    # A card that says nothing of integers, and one that says it of fractions.
    tensors, card = read_trained(made.run / "model.safetensors"), read_card(made.run / "model.safetensors")
    save(tmp_path / "a.safetensors", tensors, replace(card, quantised=0))
    save(tmp_path / "b.safetensors", read_trained(run / "model.safetensors"), card)
    with pytest.raises(ModelError, match="not the weights of this model"):
        autosam.load(tmp_path / "a.safetensors", engine="torch")
    plain = autosam.load(run, engine="torch").predict(new).probability
    assert np.array_equal(autosam.load(tmp_path / "b.safetensors", engine="torch").predict(new).probability, plain)


@pytest.mark.parametrize("run", ["unet"], indirect=True)
def test_wrong_asking_writes_nothing(run: Path, discs: Path, tmp_path: Path) -> None:
    out = tmp_path / "int8"
    with pytest.raises(UsageError, match="no range"):
        quantise_run(run, discs / "images", out, count=0)
    with pytest.raises(DataError, match="no such file"):
        quantise_run(run, discs / "none", out)
    assert not out.exists()
    (discs / "images" / "broken.png").write_bytes(b"no image")
    with pytest.raises(DataError, match="broken"):
        quantise_run(run, discs / "images" / "broken.png", out, engine="torch")
    assert not out.exists()
    # One that is compared alone, after the checkpoint was made; a folder that was there stays, empty.
    out.mkdir()
    with pytest.raises(DataError, match="broken"):
        quantise_run(
            run, [discs / "images" / "case0.png", discs / "images" / "broken.png"], out, count=1, engine="torch"
        )
    assert not any(out.iterdir())
    with pytest.raises(UsageError, match="no images"):
        quantise_run(run, [], out)
    (out / "kept.txt").write_text("kept", encoding="utf-8")
    with pytest.raises(UsageError, match="not empty"):
        quantise_run(run, discs / "images", out, engine="torch")
    assert [file.name for file in out.iterdir()] == ["kept.txt"]


@pytest.mark.parametrize("run", ["unet"], indirect=True)
def test_a_run_that_is_written_meanwhile_is_refused(
    run: Path, discs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = train(discs, tmp_path / "later", **{**TINY, "size": 64, "epochs": 2, "views": 1, **KINDS["unet"]})
    asked = quantise.recorded

    def meanwhile(folder: Path) -> Any:
        shutil.copy(other / "model.safetensors", run / "model.safetensors")
        return asked(folder)

    monkeypatch.setattr(quantise, "recorded", meanwhile)
    with pytest.raises(ModelError, match="written anew"):
        quantise_run(run, discs / "images", tmp_path / "int8", count=4, engine="torch")
    assert not (tmp_path / "int8").exists()


@pytest.mark.parametrize("run", ["unet"], indirect=True)
def test_scales_that_cannot_be_are_refused(run: Path, discs: Path, tmp_path: Path) -> None:
    made = quantise_run(run, discs / "images", tmp_path / "int8", count=1, engine="torch")
    file = made.run / "model.safetensors"
    tensors, card = read_trained(file), read_card(file)
    state, scales = (next(name for name in tensors if name.endswith(end)) for end in ("._extra_state", ".scales"))
    spoiled: list[tuple[str, Any]] = [
        *((state, pair) for pair in ([math.nan, 0], [math.inf, 0], [0, 0], [-1, 0], [1, 300], [1, 0.5], [1, math.nan])),
        (scales, 0.0),
        (scales, math.inf),
    ]
    for name, value in spoiled:
        wrong = torch.full_like(tensors[name], value) if name == scales else torch.tensor(value, dtype=torch.float64)
        save(tmp_path / "wrong.safetensors", {**tensors, name: wrong}, card)
        with pytest.raises(ModelError, match="integers that cannot be"):
            autosam.load(tmp_path / "wrong.safetensors", engine="torch")


def test_a_run_without_record_says_so(discs: Path, tmp_path: Path) -> None:
    run = train(discs, tmp_path / "run", **{**TINY, "size": 64, "epochs": 1, "views": 1, **KINDS["unet"]})
    (run / "data.json").unlink()
    listener = Listens()
    made = quantise_run(run, discs / "images", tmp_path / "int8", engine="torch", progress=listener)
    assert recorded(made.run) is None
    assert any("data.json is missing" in line for line in listener.said)
    (mark,) = autosam.evaluate(made.run, discs, engine="torch").summary()["marks"]
    assert "TRAINING IMAGES UNKNOWN" in mark
