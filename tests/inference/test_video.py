"""Predictions in order and in time: the average of the prompt, and what a folder of predicted clips holds."""

from __future__ import annotations

import os
import shutil
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from autosam.core.errors import Interrupted, UsageError
from autosam.core.letterbox import Letterbox
from autosam.data.clips import frame_files
from autosam.data.video import ClipFrame, open_clip
from autosam.inference import clip_writer
from autosam.inference.clip_table import CLIPS, FRAMES
from autosam.inference.clip_writer import predict_clips
from autosam.inference.embed import Embedder
from autosam.inference.engine import Engine, make_encoder
from autosam.inference.halves import GraphHalves, TorchHalves
from autosam.inference.masker import GraphMasker, TorchMasker
from autosam.inference.model import Model
from autosam.inference.predict import Predictor
from autosam.inference.temporal import TemporalMasker
from autosam.models.card import Card
from autosam.models.checkpoint import build
from autosam.models.sam import tiny_sam
from autosam.models.segmenter import SamSegmenter, Segmenter
from tests.training.small import Listens

Maker = Callable[..., Path]
COUNT = 6
CPU = torch.device("cpu")
FLOAT32 = Engine("openvino", "float32")


def _segmenter(prompt_encoder: str = "sam-features", decoder: str = "sam") -> Segmenter:
    sam = tiny_sam()
    card = Card("tiny-random", sam.fingerprint(), prompt_encoder, 64, sam.embedding_shape)
    torch.manual_seed(0)
    made = build(card, sam, decoder=decoder)
    for name, value in made.trained().state_dict().items():
        # Away from the first weights, whose prompt is next to nothing.
        if value.is_floating_point() and not name.endswith("running_var"):
            value += 0.1 * torch.randn_like(value)
    return made


@pytest.fixture(scope="module")
def model() -> Model:
    sam = tiny_sam()
    card = Card("tiny-random", sam.fingerprint(), "sam-features", 64, sam.embedding_shape)
    encoder = make_encoder(sam, "torch")
    masker = TorchMasker(_segmenter(), Embedder(encoder), torch.device("cpu"))
    return Model(card, Predictor(masker, keep_prompt=True), encoder.identity, "tiny")


@pytest.fixture
def pictures() -> np.ndarray:
    # In blocks, so that a codec that halves the colour's resolution keeps them.
    blocks = np.random.default_rng(3).integers(0, 256, (COUNT, 6, 8, 3), dtype=np.uint8)
    return blocks.repeat(8, axis=1).repeat(8, axis=2)


@pytest.fixture
def folder(pictures: np.ndarray, tmp_path: Path) -> Path:
    place = tmp_path / "scene"
    place.mkdir()
    for number, picture in enumerate(pictures):
        Image.fromarray(picture).save(place / f"f{number + 7}.png")
    return place


def _halves_by_hand(model: Model, pictures: np.ndarray, share: float) -> list[np.ndarray]:
    """The average restated: every Z first, then each Z' as a weighted sum of all before it."""
    masker = model.predictor.masks
    assert isinstance(masker, TorchMasker)
    segmenter = masker.segmenter
    assert isinstance(segmenter, SamSegmenter) and masker.embed is not None
    box = Letterbox(masker.frame_size, *pictures.shape[1:3])
    frames = [box.frame(picture) for picture in pictures]
    with torch.inference_mode():
        segmenter.train(False)
        embeddings = [masker.embed(frame) for frame in frames]
        prompts = [
            segmenter.parts.g(frame.rgb(64)[None], one.main) for frame, one in zip(frames, embeddings, strict=True)
        ]
        made = []
        for t, embedding in enumerate(embeddings):
            weights = [share**t, *((1 - share) * share ** (t - k) for k in range(1, t + 1))]
            mixed = sum(weight * prompt for weight, prompt in zip(weights, prompts, strict=False))
            logits = segmenter.answer(mixed, embedding).logits[0, 0]
            made.append(torch.sigmoid(box.undo(logits)).numpy())
    return made


@pytest.mark.parametrize("share", [0.3, 0.9])
def test_the_average_is_that_of_a_slow_restatement(
    share: float, model: Model, pictures: np.ndarray, folder: Path
) -> None:
    wanted = _halves_by_hand(model, pictures, share)
    found = [one.prediction.probability for one in model.predict_clip(folder, temporal=share) if one.prediction]
    np.testing.assert_allclose(found, wanted, atol=1e-5)
    alone = [model.predict(picture).probability for picture in pictures]
    assert np.array_equal(found[0], alone[0])
    assert np.abs(np.array(found[1:]) - alone[1:]).max() > 1e-3


def test_what_is_done_to_a_frames_prompt_is_nothing_to_the_next(model: Model, folder: Path) -> None:
    wanted = [one.prediction.probability for one in model.predict_clip(folder, temporal=0.9) if one.prediction]
    found = []
    for one in model.predict_clip(folder, temporal=0.9):
        assert one.prediction is not None and one.prediction.prompt is not None
        found.append(one.prediction.probability)
        one.prediction.prompt[:] = 0
    assert np.array_equal(found, wanted)


def test_without_an_average_frames_are_images_to_the_bit(model: Model, pictures: np.ndarray, folder: Path) -> None:
    found = list(model.predict_clip(folder))
    assert [one.number for one in found] == list(range(COUNT))
    for one, picture in zip(found, pictures, strict=True):
        alone = model.predict(picture)
        assert one.prediction is not None
        assert np.array_equal(one.prediction.probability, alone.probability)
        assert np.array_equal(one.prediction.prompt, alone.prompt)  # type: ignore[arg-type]


def test_a_clip_knows_nothing_of_the_one_before(model: Model, folder: Path) -> None:
    from autosam.inference.video import ClipPredictor, predict_clip

    predictor = ClipPredictor(model.predictor, 0.8)
    first = [one.prediction.probability for one in predict_clip(predictor, folder) if one.prediction]
    again = [one.prediction.probability for one in predict_clip(predictor, folder) if one.prediction]
    assert np.array_equal(first, again)


@pytest.mark.parametrize("share", [-0.1, 1.0, float("nan")])
def test_a_share_that_cannot_be_is_refused(share: float, model: Model, folder: Path) -> None:
    with pytest.raises(UsageError, match="0 to below 1"):
        model.predict_clip(folder, temporal=share)


def test_a_model_without_a_prompt_is_refused() -> None:
    class Plain(torch.nn.Module):
        sam, size, mapping = None, 16, "sigmoid"

    with pytest.raises(UsageError, match="no prompt"):
        TemporalMasker(TorchMasker(Plain(), None, torch.device("cpu")), 0.5)  # type: ignore[arg-type]


def test_a_share_for_a_model_without_a_prompt_leaves_nothing(model: Model, folder: Path, tmp_path: Path) -> None:
    plain = Model(replace(model.card, method="unet"), model.predictor, model.encoder, model.content)
    with pytest.raises(UsageError, match="no prompt"):
        predict_clips(plain, [folder], tmp_path / "out", temporal=0.5)
    assert not (tmp_path / "out").exists()


def test_every_tile_of_a_frame_has_an_average_of_its_own(model: Model, pictures: np.ndarray) -> None:
    box = Letterbox(64, 48, 64)
    left, right, last = (box.frame(picture) for picture in pictures[:3])
    one, other = TemporalMasker(model.predictor.masks, 0.5), TemporalMasker(model.predictor.masks, 0.5)
    for frame in (left, right):
        one(frame)
    one.next_frame()
    other(left)
    other.next_frame()
    assert torch.equal(one(last).logits, other(last).logits)


def test_the_average_in_a_graph_is_that_in_torch(
    pictures: np.ndarray, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AUTOSAM_CACHE", str(tmp_path / "cache"))
    segmenter = _segmenter()
    sam = segmenter.sam
    assert sam is not None
    graph = GraphMasker(
        "tiny", lambda: segmenter, size=64, rule=sam.rule, mapping="sigmoid", engine=FLOAT32, on=CPU
    )  # fmt: skip
    torch_masker = TorchMasker(segmenter, Embedder(make_encoder(sam, "torch")), CPU)
    plain, fast = TemporalMasker(torch_masker, 0.5), TemporalMasker(graph, 0.5)
    box = Letterbox(64, 48, 64)
    for picture in pictures[:2]:
        wanted, found = plain(box.frame(picture)), fast(box.frame(picture))
        np.testing.assert_allclose(found.logits, wanted.logits, atol=2e-3, rtol=1e-3)
        np.testing.assert_allclose(found.surrogate, wanted.surrogate, atol=2e-3, rtol=1e-3)  # type: ignore[arg-type]


def test_the_halves_without_a_sam_are_those_of_torch(
    pictures: np.ndarray, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AUTOSAM_CACHE", str(tmp_path / "cache"))
    segmenter = _segmenter("hardnet39ds", "surrogate")
    assert segmenter.sam is None
    frame = Letterbox(64, 48, 64).frame(pictures[0])
    found = GraphHalves("tiny", lambda: segmenter, size=64, rule=None, engine=FLOAT32, on=CPU)
    dense, embedding = TorchHalves(segmenter, None, CPU, "float32").prompt(frame)
    assert embedding is None
    np.testing.assert_allclose(found.prompt(frame)[0], dense, atol=2e-3, rtol=1e-3)
    with torch.inference_mode():
        wanted = segmenter(frame.rgb(64)[None], None)
    answer = found.answer(dense, None)
    np.testing.assert_allclose(answer.logits, wanted.logits, atol=2e-3, rtol=1e-3)
    assert answer.surrogate is None


def test_a_clip_leaves_masks_a_table_and_a_video(
    model: Model, pictures: np.ndarray, make_clip: Maker, tmp_path: Path
) -> None:
    pictures = pictures[:, :47, :63]
    file = make_clip(tmp_path / "case 1.mkv", pictures, codec="ffv1", pixels="bgr0")
    out = tmp_path / "out"
    (row,) = predict_clips(model, [file], out, probabilities=True)
    assert (row.frames, row.failed, row.error, row.width, row.height, row.rate) == (COUNT, 0, "", 63, 47, 25.0)
    names = [f"{number:06d}.png" for number in range(COUNT)]
    for kind in ("masks", "probabilities"):
        assert sorted(path.name for path in (out / kind / "case 1").iterdir()) == names
    for number, picture in enumerate(pictures):
        with Image.open(out / "masks" / "case 1" / names[number]) as mask:
            assert np.array_equal(np.asarray(mask), model.predict(picture).mask * np.uint8(255))
    rows = FRAMES.read(out / "frames" / "case 1.csv")
    assert [one.frame for one in rows] == list(range(COUNT))
    np.testing.assert_allclose([one.time for one in rows], np.arange(COUNT) / 25, atol=1e-3)
    assert all(0 <= one.area_share <= 1 and not one.error for one in rows)  # type: ignore[operator]
    assert CLIPS.read(out / "clips.csv") == [row]
    with open_clip(out / "overlays" / "case 1.mp4") as clip:
        assert clip.rate == 25
        shown = list(clip)
    assert len(shown) == COUNT
    np.testing.assert_allclose([frame.time for frame in shown], np.arange(COUNT) / 25, atol=1e-3)
    assert shown[0].image is not None and shown[0].image.shape == (48, 64, 3)
    wanted = model.predict(pictures[2]).overlay().astype(int)
    assert np.abs(shown[2].image[:47, :63] - wanted).mean() < 25  # type: ignore[index]
    assert not list(out.rglob("*.tmp"))


def test_a_folder_keeps_its_names_and_a_bad_frame_is_listed(model: Model, folder: Path, tmp_path: Path) -> None:
    (folder / "f9.png").write_bytes((folder / "f9.png").read_bytes()[:60])
    out = tmp_path / "out"
    (row,) = predict_clips(model, [folder], out, rate=5)
    assert (row.frames, row.failed, row.error) == (COUNT, 1, "")
    rows = FRAMES.read(out / "frames" / "scene.csv")
    assert [one.name for one in rows] == ["f7", "f8", "f9", "f10", "f11", "f12"]
    assert [one.time for one in rows] == [0.0, 0.2, 0.4, 0.6, 0.8, 1.0]
    assert "f9.png" in rows[2].error
    assert sorted(path.stem for path in (out / "masks" / "scene").iterdir()) == ["f10", "f11", "f12", "f7", "f8"]
    with open_clip(out / "overlays" / "scene.mp4") as clip:
        assert len(list(clip)) == COUNT


def test_bytes_of_frames_names_that_are_no_text_are_escapes_in_files_and_tables(
    model: Model, folder: Path, tmp_path: Path
) -> None:
    try:
        (folder / "f7.png").rename(folder / os.fsdecode(b"f\xe97.png"))
    except OSError:
        pytest.skip("this disk takes no such names")
    out = tmp_path / "out"
    predict_clips(model, [folder], out)
    masks = out / "masks" / "scene"
    assert {path.stem for path in masks.iterdir()} == {one.name for one in FRAMES.read(out / "frames" / "scene.csv")}
    assert (masks / r"f\udce97.png").exists()
    before = (out / "overlays" / "scene.mp4").stat().st_mtime_ns
    predict_clips(model, [folder], out, resume=True)
    assert (out / "overlays" / "scene.mp4").stat().st_mtime_ns == before


def test_formats_that_are_not_read_are_told_of_clips(model: Model, folder: Path, tmp_path: Path) -> None:
    (folder / "f0.webp").touch()
    told = Listens()
    predict_clips(model, [folder], tmp_path / "out", progress=told)
    assert any("f0.webp" in line for line in told.said)


def test_an_overlay_keeps_its_time_where_the_first_frames_are_broken(
    model: Model, folder: Path, tmp_path: Path
) -> None:
    for name in ("f7.png", "f8.png"):
        (folder / name).write_bytes((folder / name).read_bytes()[:60])
    (row,) = predict_clips(model, [folder], tmp_path / "out", rate=5)
    assert (row.frames, row.failed) == (COUNT, 2)
    with open_clip(tmp_path / "out" / "overlays" / "scene.mp4") as clip:
        shown = list(clip)
    np.testing.assert_allclose([frame.time for frame in shown], np.arange(COUNT) / 5, atol=1e-3)


def test_of_a_cut_clip_what_can_be_decoded_is_done(model: Model, make_clip: Maker, tmp_path: Path) -> None:
    noise = np.random.default_rng(4).integers(0, 256, (3 * COUNT, 48, 64, 3), dtype=np.uint8)
    whole = make_clip(tmp_path / "cut.mp4", noise, options={"movflags": "faststart"})
    whole.write_bytes(whole.read_bytes()[: whole.stat().st_size * 7 // 10])
    text = tmp_path / "none.mp4"
    text.write_text("none")
    out = tmp_path / "out"
    text_row, row = predict_clips(model, [text, whole], out)
    assert 0 < row.frames < 3 * COUNT
    assert "bytes are missing" in row.error
    assert len(list((out / "masks" / "cut").iterdir())) == row.frames - row.failed
    with open_clip(out / "overlays" / "cut.mp4") as clip:
        assert len(list(clip)) == row.frames
    assert "this is text" in text_row.error
    assert not (out / "overlays" / "none.mp4").exists()


def _stop_after(monkeypatch: pytest.MonkeyPatch, frames: int) -> None:
    from autosam.inference.video import ClipPredictor

    plain, done = ClipPredictor.frame, []

    def stopping(self: ClipPredictor, *given: object) -> object:
        if len(done) == frames:
            raise KeyboardInterrupt
        done.append(1)
        return plain(self, *given)  # type: ignore[arg-type]

    monkeypatch.setattr(ClipPredictor, "frame", stopping)


@pytest.mark.parametrize("share", [0.0, 0.5])
def test_resume_does_what_is_missing_and_ends_in_the_same_masks(
    share: float, model: Model, pictures: np.ndarray, make_clip: Maker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clips = tmp_path / "clips"
    clips.mkdir()
    for name in ("a.mkv", "b.mkv"):
        make_clip(clips / name, np.concatenate([pictures] * 2), codec="ffv1", pixels="bgr0")
    out, plain = tmp_path / "out", tmp_path / "plain"
    predict_clips(model, [clips], plain, temporal=share)
    with monkeypatch.context() as patched:
        _stop_after(patched, 2 * COUNT + 9)
        with pytest.raises(Interrupted, match="--resume"):
            predict_clips(model, [clips], out, temporal=share)
    assert (out / "overlays" / "a.mp4").exists()
    assert not (out / "overlays" / "b.mp4").exists()
    assert not list(out.rglob("*.tmp"))
    with pytest.raises(UsageError, match="not empty"):
        predict_clips(model, [clips], out, temporal=share)
    with pytest.raises(UsageError, match="temporal was"):
        predict_clips(model, [clips], out, temporal=0.25, resume=True)

    predicted: list[str] = []
    whole = Predictor.predict

    def counting(self: Predictor, sample: object) -> object:
        predicted.append(sample.id)  # type: ignore[attr-defined]
        return whole(self, sample)  # type: ignore[arg-type]

    monkeypatch.setattr(Predictor, "predict", counting)
    rows = predict_clips(model, [clips], out, temporal=share, resume=True)
    assert [row.frames for row in rows] == [2 * COUNT] * 2
    assert all(name.startswith("b/") for name in predicted)
    # With an average the clip is begun anew; without, at most the frames that waited to be written are made again.
    assert len(predicted) == 2 * COUNT if share else 3 <= len(predicted) <= 9
    for file in plain.rglob("*.png"):
        assert np.array_equal(np.asarray(Image.open(file)), np.asarray(Image.open(out / file.relative_to(plain))))
    for table in ("frames/a.csv", "frames/b.csv"):
        assert [one.frame for one in FRAMES.read(out / table)] == list(range(2 * COUNT))
    predicted.clear()
    assert predict_clips(model, [clips], out, temporal=share, resume=True) == rows
    assert predicted == []


def test_a_clip_newer_than_its_masks_is_done_again(model: Model, folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    predict_clips(model, [folder], out)
    later = (out / "overlays" / "scene.mp4").stat().st_mtime + 5
    Image.new("RGB", (64, 48)).save(folder / "f8.png")
    os.utime(folder / "f8.png", (later, later))
    shutil.rmtree(out / "probabilities", ignore_errors=True)
    before = {file.name: file.stat().st_mtime_ns for file in (out / "masks" / "scene").iterdir()}
    predict_clips(model, [folder], out, resume=True)
    after = {file.name: file.stat().st_mtime_ns for file in (out / "masks" / "scene").iterdir()}
    assert [name for name in sorted(before) if before[name] != after[name]] == ["f8.png"]


def test_as_many_frames_of_other_names_are_not_done_already(model: Model, folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    predict_clips(model, [folder], out)
    (folder / "f12.png").rename(folder / "f13.png")
    predict_clips(model, [folder], out, resume=True)
    assert (out / "masks" / "scene" / "f13.png").exists()
    assert [one.name for one in FRAMES.read(out / "frames" / "scene.csv")][-2:] == ["f11", "f13"]


def test_memory_does_not_grow_with_a_clip(
    model: Model, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    alive: set[int] = set()
    most = []

    class Endless:
        rate, count = None, 30

        def __iter__(self) -> Iterator[ClipFrame]:
            for number in range(30):
                image = np.full((20, 20, 3), number, np.uint8)
                alive.add(number)
                weakref.finalize(image, alive.discard, number)
                most.append(len(alive))
                yield ClipFrame(number, None, f"{number:06d}", image)
                del image

    @contextmanager
    def opened(*_: object) -> Iterator[Endless]:
        yield Endless()

    monkeypatch.setattr(clip_writer, "open_clip", opened)
    predict_clips(model, [folder], tmp_path / "out", temporal=0.5)
    assert max(most) < 16


def test_without_pyav_the_cure_is_told(
    model: Model, folder: Path, make_clip: Maker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import sys

    file = make_clip(tmp_path / "a.mp4", np.zeros((2, 16, 16, 3), np.uint8))
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(UsageError, match=r"autosam\[video\]"):
        list(model.predict_clip(file))
    assert len(list(model.predict_clip(folder))) == COUNT
    assert frame_files(folder)
