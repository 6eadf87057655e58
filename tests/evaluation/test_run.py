"""A data set scored on disk: whose fault a fault is, what predictions may hold, and images that were seen before."""

from __future__ import annotations

import errno
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import autosam
from autosam.benchmarks.scored import read_scored
from autosam.core.errors import DataError, UsageError
from autosam.data.images import content_hash, read_image
from autosam.evaluation import run
from autosam.evaluation.seen import seen_by
from autosam.models.card import Card
from autosam.models.checkpoint import build, save
from autosam.models.sam import tiny_sam
from tests.training.small import Listens

MASK = np.zeros((12, 16), np.uint8)
MASK[3:9, 4:12] = 255


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Three images with one mask each, under "data"; the same masks lie under "masks"."""
    for place in ("data/images", "data/masks", "masks"):
        (tmp_path / place).mkdir(parents=True)
    for shade, name in enumerate("abc"):
        Image.new("RGB", (16, 12), (40 * shade, 9, 9)).save(tmp_path / "data" / "images" / f"{name}.png")
        for place in ("data/masks", "masks"):
            Image.fromarray(MASK).save(tmp_path / place / f"{name}.png")
    return tmp_path / "data"


@pytest.fixture
def made_run(tmp_path: Path) -> Path:
    """A run that nobody trained."""
    sam, run = tiny_sam(), tmp_path / "run"
    run.mkdir()
    card = Card("tiny-random", sam.fingerprint(), "sam-features", 32, sam.embedding_shape)
    save(run / "model.safetensors", build(card, sam).trained().state_dict(), card)
    return run


def test_a_loaded_model_is_not_loaded_otherwise(data: Path, made_run: Path) -> None:
    model = autosam.load(made_run, engine="torch", precision="float32")
    assert len(autosam.evaluate(model, data, engine="auto", mirror=False).cases) == 3
    with pytest.raises(UsageError, match="--mirror is of a run, and this one is loaded already"):
        autosam.evaluate(model, data, mirror=True)


def test_what_is_passed_over_is_said(data: Path) -> None:
    (data / "images" / "d.webp").touch()
    listener = Listens()
    autosam.evaluate(None, data, predictions=data.parent / "masks", progress=listener)
    assert any(line.startswith("note: 1 file of formats") and "d.webp" in line for line in listener.said)


def test_an_image_that_cannot_be_read_is_an_empty_mask(data: Path) -> None:
    (data / "images" / "b.png").write_bytes(b"\x89PNG\r\n\x1a\n cut")
    report = autosam.evaluate(None, data, predictions=data.parent / "masks")
    assert [case.scores["dice"] for case in report.cases] == [1, 0, 1]


def test_a_folder_that_cannot_be_written_is_told_before_the_first_case(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuses(path: Path, content: bytes) -> int:
        raise PermissionError(errno.EACCES, "Permission denied", str(path))

    monkeypatch.setattr(Path, "write_bytes", refuses)
    monkeypatch.setattr(run, "evaluate", None)
    with pytest.raises(UsageError, match=r"out: cannot be written \(Permission denied"):
        autosam.evaluate(None, data, predictions=data.parent / "masks", out=data.parent / "out")


@pytest.mark.parametrize(
    ("mask", "said"),
    [(MASK[:8], "16 x 8 pixels"), (np.where(MASK, np.uint8(2), np.uint8(0)), "several classes"), (None, "decoded")],
)
def test_a_fault_of_a_truth_is_nobodys_prediction(data: Path, mask: np.ndarray | None, said: str) -> None:
    file = data / "masks" / "b.png"
    file.write_bytes(b"\x89PNG\r\n\x1a\n cut") if mask is None else Image.fromarray(mask).save(file)
    with pytest.raises(DataError, match=rf"b\.png: .*{said}"):
        autosam.evaluate(None, data, predictions=data.parent / "masks", out=data.parent / "new" / "out")
    assert not (data.parent / "new").exists()


def test_the_rule_of_the_truth_is_not_that_of_predictions(data: Path) -> None:
    for name in "abc":
        Image.fromarray(MASK // 255).save(data.parent / "masks" / f"{name}.png")
    report = autosam.evaluate(None, data, predictions=data.parent / "masks", foreground="> 127")
    assert [case.scores["dice"] for case in report.cases] == [1, 1, 1]


def test_predictions_of_many_values_are_named_and_not_scored(data: Path) -> None:
    Image.fromarray(MASK).save(data.parent / "masks" / "b.jpg", quality=30)
    (data.parent / "masks" / "b.png").unlink()
    report = autosam.evaluate(None, data, predictions=data.parent / "masks")
    assert [case.scores["dice"] for case in report.cases] == [1, 0, 1]
    assert "0 for background and one other value" in (report.failures[0].error or "")


@pytest.mark.parametrize(
    "flag", [{"threshold": 0.3}, {"threshold": 0.0}, {"mirror": True}, {"decoder": "surrogate"}, {"engine": "torch"}]
)
def test_what_is_of_a_run_is_refused_beside_predictions(data: Path, flag: dict[str, object]) -> None:
    with pytest.raises(UsageError, match=f"--{next(iter(flag))} is of a run"):
        autosam.evaluate(None, data, predictions=data.parent / "masks", **flag)


def test_images_that_the_run_has_seen_are_a_mark(data: Path, made_run: Path) -> None:
    files = {name: data / "images" / f"{name}.png" for name in "ab"}
    hashes = {name: content_hash(read_image(file)) for name, file in files.items()}
    record = {"train": {"1": hashes["a"], "other": "0" * 64}, "val": {"2": hashes["b"]}}
    (made_run / "data.json").write_text(json.dumps(record))
    assert seen_by(made_run / "model.safetensors") == {
        hashes["a"]: "train 1",
        "0" * 64: "train other",
        hashes["b"]: "val 2",
    }
    report = autosam.evaluate(made_run, data, out=data.parent / "out", engine="torch")
    (mark,) = report.summary()["marks"]
    assert "2 of these 3 images" in mark and "a = train 1, b = val 2" in mark
    assert mark in (data.parent / "out" / "report.html").read_text()
    assert read_scored(data.parent / "out").marks == (mark,)
    loaded = autosam.load(made_run, engine="torch")
    assert autosam.evaluate(loaded, data).summary()["marks"] == [mark]
    (made_run / "data.json").unlink()
    for one in (loaded, made_run):
        (unknown,) = autosam.evaluate(one, data, **({} if one is loaded else {"engine": "torch"})).summary()["marks"]
        assert unknown.startswith("TRAINING IMAGES UNKNOWN")


def test_truths_without_foreground_are_a_mark(data: Path) -> None:
    masks = data.parent / "masks"
    report = autosam.evaluate(None, data, predictions=masks, foreground="> 255")
    (mark,) = report.summary()["marks"]
    assert mark.startswith("NO FOREGROUND") and "'> 255'" in mark
    listener = Listens()
    Image.fromarray(np.zeros_like(MASK)).save(data / "masks" / "a.png")
    some = autosam.evaluate(None, data, predictions=masks, foreground="> 0", progress=listener)
    assert some.summary()["marks"] == []
    assert any("1 of 3 truths are empty" in line for line in listener.said)


def test_a_given_mask_is_neither_sure_nor_quick(data: Path, made_run: Path) -> None:
    given = autosam.evaluate(None, data, predictions=data / "masks")
    assert {(case.confidence, case.seconds) for case in given.cases} == {(None, None)}
    made = autosam.evaluate(made_run, data, engine="torch")
    assert all(case.confidence is not None and 0 < case.confidence < 1 for case in made.cases)
    assert all(case.seconds for case in made.cases)
