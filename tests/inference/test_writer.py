"""Predictions of many files: what is written, what is passed over, what is never touched."""

from __future__ import annotations

import csv
import hashlib
import json
import os
import pickle
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from autosam.core.errors import DataError, ResourceError, UsageError
from autosam.core.prompt import ImageEmbedding
from autosam.data.inputs import find_images
from autosam.inference import writer
from autosam.inference.embed import Embedder
from autosam.inference.engine import Engine, make_encoder
from autosam.inference.masker import GraphMasker, TorchMasker
from autosam.inference.model import Model
from autosam.inference.predict import Predictor
from autosam.inference.stages import predict, read, write
from autosam.inference.writer import predict_files
from autosam.models.card import Card
from autosam.models.checkpoint import build
from autosam.models.sam import tiny_sam


@pytest.fixture(scope="module")
def model() -> Model:
    sam = tiny_sam()
    card = Card("tiny-random", sam.fingerprint(), "sam-features", 32, sam.embedding_shape)
    torch.manual_seed(0)
    encoder = make_encoder(sam, "torch")
    masker = TorchMasker(build(card, sam), Embedder(encoder), torch.device("cpu"))
    return Model(card, Predictor(masker), encoder.identity, "tiny")


@pytest.fixture
def images(tmp_path: Path) -> Path:
    root = tmp_path / "in"
    (root / "deep").mkdir(parents=True)
    pixels = np.random.default_rng(0).integers(0, 256, (21, 34, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(root / "a.png")
    Image.fromarray(pixels[::-1]).save(root / "a.jpg")
    Image.fromarray(pixels[..., 0]).save(root / "deep" / "gray.png")
    Image.fromarray(pixels).convert("CMYK").save(root / "deep" / "cmyk.tif")
    Image.fromarray(pixels[:2, :2]).save(root / "tiny one.bmp")
    (root / "cut.png").write_bytes((root / "a.png").read_bytes()[:60])
    (root / "text.jpg").write_text("not a picture")
    return root


def _hashes(folder: Path) -> dict[Path, str]:
    return {path: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.rglob("*") if path.is_file()}


def test_bad_files_are_listed_and_the_rest_is_done(model: Model, images: Path, tmp_path: Path) -> None:
    before, out = _hashes(images), tmp_path / "out"
    rows = predict_files(model, [images], out, probabilities=True)
    assert _hashes(images) == before
    failed = {Path(row.file).name for row in rows if row.error}
    assert failed == {"cut.png", "text.jpg"}
    for kind in ("masks", "overlays", "probabilities"):
        found = {path.relative_to(out / kind).as_posix() for path in (out / kind).rglob("*.png")}
        assert found == {"a.png.png", "a.jpg.png", "deep/gray.png", "deep/cmyk.png", "tiny one.png"}
    with Image.open(out / "masks" / "deep" / "gray.png") as mask:
        assert mask.size == (34, 21)
        assert set(np.unique(np.asarray(mask))) <= {0, 255}
    with (out / "predictions.csv").open() as stream:
        table = list(csv.DictReader(stream))
    assert len(table) == 7
    assert all(row["error"] or 0 <= float(row["area_share"]) <= 1 for row in table)


def test_stages_mapped_by_hand_write_the_same(model: Model, images: Path, tmp_path: Path) -> None:
    there, here = tmp_path / "there", tmp_path / "here"
    rows = predict_files(model, [images], there)
    # What a stage gives is plain data, which another process can be handed.
    samples = [(file, pickle.loads(pickle.dumps(read((name, file))))) for name, file in find_images([images])]
    made = [(file, pickle.loads(pickle.dumps(predict(model, sample, file)))) for file, sample in samples]
    mapped = [write(one, file, here) for file, one in made]
    assert [replace(row, seconds=None) for row in mapped] == [replace(row, seconds=None) for row in rows]
    for file in here.rglob("*.png"):
        assert file.read_bytes() == (there / file.relative_to(here)).read_bytes()
    assert len(list(here.rglob("*.png"))) == len(list(there.rglob("*.png"))) == 10


def test_a_resumed_prediction_makes_only_what_is_missing(
    model: Model, images: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    predict_files(model, [images], out)
    (out / "masks" / "deep" / "gray.png").unlink()
    before = {file: file.stat().st_mtime_ns for file in out.rglob("*.png")}
    taken: list[str] = []
    monkeypatch.setattr(writer, "read", lambda entry: taken.append(entry[0]) or read(entry))
    rows = predict_files(model, [images], out, resume=True)
    assert set(taken) == {"deep/gray", "cut", "text"}
    assert [row.id for row in rows] == [name for name, _ in find_images([images])]
    after = {file: file.stat().st_mtime_ns for file in out.rglob("*.png")}
    assert {file for file in after if after[file] != before.get(file)} == {
        out / kind / "deep" / "gray.png" for kind in ("masks", "overlays")
    }


def test_an_older_file_in_the_place_of_an_image_is_predicted(
    model: Model, images: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out, other = tmp_path / "out", tmp_path / "other.png"
    Image.fromarray(np.zeros((9, 12, 3), np.uint8)).save(other)
    os.utime(other, (1e9, 1e9))
    predict_files(model, [images], out)
    time.sleep(0.05)
    other.replace(images / "deep" / "gray.png")
    taken: list[str] = []
    monkeypatch.setattr(writer, "read", lambda entry: taken.append(entry[0]) or read(entry))
    predict_files(model, [images], out, resume=True)
    assert set(taken) == {"deep/gray", "cut", "text"}
    with Image.open(out / "masks" / "deep" / "gray.png") as mask:
        assert mask.size == (12, 9)


def test_what_failed_may_be_taken_away_before_a_resume(model: Model, images: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    predict_files(model, [images], out)
    (images / "cut.png").unlink()
    rows = predict_files(model, [images], out, resume=True)
    assert [row.id for row in rows] == [name for name, _ in find_images([images])]
    (images / "tiny one.bmp").unlink()
    with pytest.raises(UsageError, match="tiny one"):
        predict_files(model, [images], out, resume=True)


def test_mirrored_and_plain_predictions_are_not_mixed(model: Model, images: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    predict_files(model, [images], out)
    mirrored = Model(model.card, Predictor(model.predictor.masks, mirror=True), model.encoder, model.content)
    with pytest.raises(UsageError):
        predict_files(mirrored, [images], out, resume=True)


def test_predictions_in_the_folder_of_their_images_are_not_predicted(model: Model, images: Path) -> None:
    out = images / "out"
    rows = predict_files(model, [images], out)
    again = predict_files(model, [images], out, resume=True)
    assert [row.id for row in again] == [row.id for row in rows]


def test_engines_are_not_mixed_where_no_encoder_runs(model: Model, images: Path, tmp_path: Path) -> None:
    masker, out = model.predictor.masks, tmp_path / "out"
    assert isinstance(masker, TorchMasker)

    def by(precision: str) -> Model:
        other = TorchMasker(masker.segmenter, masker.embed, masker.device, precision)
        return Model(model.card, Predictor(other), None, "tiny")

    predict_files(by("float32"), [images], out)
    with pytest.raises(UsageError, match=r"engine was torch .* float32, cpu.*, now torch .* bfloat16, cpu"):
        predict_files(by("bfloat16"), [images], out, resume=True)
    record = json.loads((out / "predict.json").read_text())
    threads = torch.get_num_threads()
    try:
        torch.set_num_threads(threads + 1)
        with pytest.raises(UsageError, match=f"{threads + 1} threads"):
            predict_files(by("float32"), [images], out, resume=True)
    finally:
        torch.set_num_threads(threads)
    # One of an earlier version says nothing of it.
    (out / "predict.json").write_text(json.dumps({name: record[name] for name in record if name != "engine"}))
    predict_files(by("float32"), [images], out, resume=True)
    assert json.loads((out / "predict.json").read_text()) == record


@pytest.mark.parametrize("fault", [MemoryError(), RuntimeError("std::bad_alloc"), ResourceError("no space left")])
def test_without_memory_for_several_at_a_time_one_is_predicted(fault: Exception, model: Model) -> None:
    class Large:
        frame_size, mapping, engine, together = 32, "sigmoid", "none", 2

        def __call__(self, frame: object) -> object:
            raise AssertionError(frame)

        def shared(self) -> object:
            raise fault

    large = Model(model.card, Predictor(Large()), "graph", "tiny")
    assert large.shared() is large


def test_few_images_are_held_at_a_time(model: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    held, most = 0, 0

    def counted(entry: tuple[str, Path]) -> object:
        nonlocal held, most
        held += 1
        most = max(most, held)
        return read(entry)

    def done(*arguments: object) -> object:
        nonlocal held
        row = write(*arguments)  # type: ignore[arg-type]
        held -= 1
        return row

    (tmp_path / "in").mkdir()
    for number in range(40):
        Image.new("RGB", (9, 8), (number, 0, 0)).save(tmp_path / "in" / f"{number}.png")
    monkeypatch.setattr(writer, "read", counted)
    monkeypatch.setattr(writer, "write", done)
    assert len(predict_files(model, [tmp_path / "in"], tmp_path / "out")) == 40
    assert held == 0 and most <= 12


def test_many_images_are_predicted_several_at_a_time_and_are_the_same(
    model: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AUTOSAM_CACHE", str(tmp_path / "cache"))
    masker = model.predictor.masks
    assert isinstance(masker, TorchMasker)
    segmenter = masker.segmenter
    assert segmenter.sam is not None
    graph = GraphMasker(
        "many", lambda: segmenter, size=32, rule=segmenter.sam.rule, mapping="sigmoid",
        engine=Engine("openvino", "float32"), on=torch.device("cpu"), together=2,
    )  # fmt: skip
    fast = Model(model.card, Predictor(graph), "graph", "tiny")
    assert fast.at_once == 1
    assert fast.shared().at_once == 2
    assert model.shared() is model
    rng = np.random.default_rng(0)
    root = tmp_path / "in"
    root.mkdir()
    for number in range(writer._MANY + 3):
        pixels = rng.integers(0, 256, (20 + number, 30, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(root / f"{number:02}.png")
    (root / "05.png").write_bytes(b"no image")
    several = predict_files(fast, [root], tmp_path / "several")
    files = sorted(root.iterdir())
    one = predict_files(fast, files[: writer._MANY - 1], tmp_path / "one")
    assert [row.id for row in several] == [file.stem for file in files]
    assert [row.id for row in several if row.error] == ["05"]
    for row in one:
        if not row.error:
            first, second = (
                np.asarray(Image.open(tmp_path / at / "masks" / f"{row.id}.png")) for at in ("several", "one")
            )
            # Sums of float32 in another order may turn a pixel on the threshold.
            assert (first != second).mean() < 0.01
    (tmp_path / "several" / "masks" / "07.png").unlink()
    again = predict_files(fast, [root], tmp_path / "several", resume=True)
    assert [row.id for row in again] == [row.id for row in several]
    with pytest.raises(UsageError):
        predict_files(fast, files[:3], tmp_path / "several", resume=True)


def test_an_output_that_holds_something_is_refused(model: Model, images: Path, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "old.txt").write_text("mine")
    with pytest.raises(UsageError, match="not empty"):
        predict_files(model, [images], tmp_path / "out")
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["old.txt"]


def test_a_missing_input_is_named(model: Model, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="nowhere"):
        predict_files(model, [tmp_path / "nowhere"], tmp_path / "out")


@pytest.mark.parametrize("size", [(1, 1), (2, 2), (1, 2000), (150, 100)])
def test_any_size_gets_a_mask_of_its_own_size(model: Model, size: tuple[int, int]) -> None:
    prediction = model.predict(np.zeros((*size, 3), np.uint8))
    assert prediction.mask.shape == prediction.surrogate.shape == size  # type: ignore[union-attr]
    assert np.isfinite(prediction.probability).all()
    assert prediction.overlay().shape == (*size, 3)


def test_a_prediction_does_not_depend_on_what_came_before(model: Model) -> None:
    rng = np.random.default_rng(1)
    first, second = rng.integers(0, 256, (2, 40, 40, 3), dtype=np.uint8)
    alone = model.predict(second).probability
    model.predict(first)
    assert np.array_equal(model.predict(second).probability, alone)


def test_pil_images_and_arrays_are_the_same(model: Model) -> None:
    pixels = np.random.default_rng(2).integers(0, 256, (20, 30, 3), dtype=np.uint8)
    assert np.array_equal(model.predict(Image.fromarray(pixels)).probability, model.predict(pixels).probability)
    for mode, deep in (("I;16", pixels[..., 0].astype("<u2") * 200 + 500), ("F", pixels[..., 0] / np.float32(255))):
        picture = Image.frombytes(mode, (30, 20), deep.tobytes())
        assert np.array_equal(model.predict(picture).probability, model.predict(deep).probability)
    with pytest.raises(DataError, match="cannot predict a list"):
        model.predict([1, 2])


def test_an_embedding_from_the_cache_is_the_one_that_went_in(tmp_path: Path) -> None:
    from autosam.core.letterbox import Letterbox
    from autosam.data.embeddings import EmbeddingCache

    calls = []
    encoder = make_encoder(tiny_sam(), "torch")

    class Counting:
        rule, engine, identity, threads = encoder.rule, encoder.engine, encoder.identity, encoder.threads

        def __call__(self, pixels: torch.Tensor) -> ImageEmbedding:
            calls.append(len(pixels))
            return encoder(pixels)

    embed = Embedder(Counting(), EmbeddingCache(tmp_path))
    frame = Letterbox(64, 30, 50).frame(np.full((30, 50, 3), 90, np.uint8))
    first, second = embed(frame), embed(frame)
    assert torch.equal(first.main, second.main)
    assert calls == [1]
    other = Letterbox(64, 30, 50).frame(np.full((30, 50, 3), 91, np.uint8))
    assert embed.key(other) != embed.key(frame)
