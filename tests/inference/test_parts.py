from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import autosam
from autosam.core.errors import ModelError, UsageError
from autosam.inference import parts as parts_module
from autosam.inference.choice import Choice
from autosam.inference.engine import Engine
from autosam.inference.masker import GraphMasker, TorchMasker
from autosam.models.card import Card
from autosam.models.checkpoint import build, save
from autosam.models.sam import tiny_sam

IMAGE = np.random.default_rng(0).integers(0, 256, (37, 53, 3), dtype=np.uint8)


@pytest.fixture(scope="module", params=["sam-features", "hardnet39ds"])
def run(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    sam = tiny_sam()
    card = Card("tiny-random", sam.fingerprint(), request.param, 64, sam.embedding_shape)
    torch.manual_seed(0)
    trained = build(card, sam).trained()
    # Away from the first weights, whose prompt is next to nothing.
    state = {k: v + 0.05 * torch.randn_like(v) if v.is_floating_point() else v for k, v in trained.state_dict().items()}
    state = {k: v.abs() + 0.1 if k.endswith("running_var") else v for k, v in state.items()}
    folder = tmp_path_factory.mktemp(request.param)
    save(folder / "model.safetensors", state, card)
    return folder


@pytest.fixture(autouse=True)
def _cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AUTOSAM_CACHE", str(tmp_path / "cache"))


@pytest.mark.parametrize("decoder", ["sam", "surrogate"])
def test_one_graph_gives_what_torch_gives(run: Path, decoder: str) -> None:
    plain = autosam.load(run, decoder=decoder, engine="torch", keep_prompt=True)
    graph = autosam.load(run, decoder=decoder, engine="openvino", precision="float32", keep_prompt=True)
    assert isinstance(plain.predictor.masks, TorchMasker) and isinstance(graph.predictor.masks, GraphMasker)
    first, second = plain.predict(IMAGE), graph.predict(IMAGE)
    np.testing.assert_allclose(second.probability, first.probability, atol=1e-3)
    assert first.prompt is not None and second.prompt is not None
    np.testing.assert_allclose(second.prompt, first.prompt, rtol=1e-2, atol=1e-3)
    if decoder == "sam":
        assert first.surrogate is not None and second.surrogate is not None
        np.testing.assert_allclose(second.surrogate, first.surrogate, atol=1e-3)


@pytest.mark.parametrize("run", ["sam-features"], indirect=True)
def test_halves_that_are_made_late_leave_the_callers_random_numbers(run: Path, tmp_path: Path) -> None:
    frames = tmp_path / "frames"
    frames.mkdir()
    for number in range(2):
        Image.fromarray(IMAGE).save(frames / f"{number}.png")
    autosam.load(run, engine="openvino", precision="float32")
    model = autosam.load(run, engine="openvino", precision="float32")
    before = torch.get_rng_state()
    assert len(list(model.predict_clip(frames, temporal=0.5))) == 2
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("run", ["sam-features"], indirect=True)
def test_a_warm_start_loads_no_sam(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    choice = {"engine": "openvino", "precision": "float32"}
    # One engine is left by the choice, so that nothing is measured; the rule is kept with the first start.
    first = autosam.load(run, **choice).predict(IMAGE)
    monkeypatch.setattr(parts_module, "load", lambda *_, **__: pytest.fail("loaded the SAM"))
    assert np.array_equal(autosam.load(run, **choice).predict(IMAGE).probability, first.probability)


@pytest.mark.parametrize("run", ["sam-features"], indirect=True)
def test_another_checkpoint_has_another_graph(run: Path, tmp_path: Path) -> None:
    choice = {"engine": "openvino", "precision": "float32"}
    first = autosam.load(run, **choice).predict(IMAGE)
    sam = tiny_sam()
    card = parts_module.read_card(run / "model.safetensors")
    torch.manual_seed(3)
    save(tmp_path / "model.safetensors", build(card, sam).trained().state_dict(), card)
    assert not np.array_equal(autosam.load(tmp_path, **choice).predict(IMAGE).probability, first.probability)


@pytest.mark.parametrize("run", ["sam-features"], indirect=True)
@pytest.mark.parametrize("step", ["load", "digest"])
@pytest.mark.parametrize("engine", ["torch", "openvino"])
def test_weights_written_anew_meanwhile_are_refused(
    run: Path, step: str, engine: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "model.safetensors"
    file.write_bytes((run / file.name).read_bytes())
    card, real = parts_module.read_card(file), getattr(parts_module, step)

    def late(*given: object, **named: object) -> object:
        torch.manual_seed(3)
        save(file, build(card, tiny_sam()).trained().state_dict(), replace(card, training={"seed": 3}))
        return real(*given, **named)

    monkeypatch.setattr(parts_module, step, late)
    with pytest.raises(ModelError, match="written anew") as caught:
        autosam.load(tmp_path, engine=engine, precision="float32")
    assert caught.value.file == str(file)
    monkeypatch.undo()
    monkeypatch.setenv("AUTOSAM_CACHE", str(tmp_path / "cache"))
    fresh = [autosam.load(tmp_path, engine=each, precision="float32").predict(IMAGE) for each in (engine, "torch")]
    np.testing.assert_allclose(fresh[0].probability, fresh[1].probability, atol=1e-3)


def test_a_graph_that_cannot_be_made_falls_back_only_where_it_was_not_asked_for(
    run: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise RuntimeError("Unsupported operation")

    monkeypatch.setattr(parts_module, "GraphMasker", refuse)
    fastest = Choice(Engine("openvino", "float32"), tiny_sam().rule, {}, {})
    monkeypatch.setattr(parts_module, "choose", lambda *_: fastest)
    assert isinstance(autosam.load(run).predictor.masks, TorchMasker)
    with pytest.raises(RuntimeError):
        autosam.load(run, engine="openvino", precision="float32")


def test_names_that_are_none_are_refused(run: Path) -> None:
    for wrong in ({"engine": "tpu"}, {"precision": "int8"}, {"decoder": "none"}, {"device": "abacus"}):
        with pytest.raises(UsageError):
            autosam.load(run, **wrong)


@pytest.mark.parametrize("run", ["sam-features"], indirect=True)
@pytest.mark.parametrize("threshold", [50, -0.1, float("nan"), "half", None])
def test_a_threshold_is_a_probability(run: Path, threshold: object) -> None:
    if threshold is None:
        assert autosam.load(run, engine="torch", threshold=np.float32(0.25)).card.threshold == 0.25
        return
    with pytest.raises(UsageError, match="0 to 1"):
        autosam.load(run, engine="torch", threshold=threshold)


@pytest.mark.parametrize("run", ["sam-features"], indirect=True)
def test_a_prediction_keeps_its_image(run: Path) -> None:
    given = IMAGE.copy()
    made = autosam.load(run, engine="torch").predict(given)
    given[:] = 0
    assert np.array_equal(made.image, IMAGE)


@pytest.mark.parametrize("run", ["sam-features"], indirect=True)
def test_a_cache_that_cannot_be_written_stops_no_engine_that_needs_none(
    run: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "cache").write_text("a file where the folder should be")
    model = autosam.load(run, engine="torch", precision="float32")
    assert model.predict(IMAGE).probability.shape == IMAGE.shape[:2]


@pytest.mark.parametrize("run", ["sam-features"], indirect=True)
def test_threads_that_come_first_do_not_wait_for_each_other(run: Path) -> None:
    code = (
        "import sys, threading, faulthandler; faulthandler.dump_traceback_later(60, exit=True); "
        "import autosam, numpy as np; sys.setswitchinterval(5e-5); "
        f"model = autosam.load({str(run)!r}, engine='openvino', precision='float32'); door = threading.Barrier(3)\n"
        "def work():\n"
        "    door.wait()\n"
        "    for _ in range(5): model.predict(np.zeros((9, 9), np.uint8))\n"
        "threads = [threading.Thread(target=work) for _ in range(3)]\n"
        "for one in threads: one.start()\n"
        "for one in threads: one.join()\n"
    )
    for _ in range(2):
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
