"""Every engine's masks beside those of torch in float32, on slices of the demo's brain template."""

from __future__ import annotations

from pathlib import Path

import nibabel
import numpy as np
import numpy.typing as npt
import pytest
import torch

import autosam
from autosam.inference.engine import ENGINES, REFERENCE, Engine
from autosam.inference.openvino_encoder import has_bfloat16
from autosam.metrics import METRICS
from autosam.models.card import Card
from autosam.models.checkpoint import build, save
from autosam.models.sam import tiny_sam
from autosam.models.weights import installed

SLICES = (60, 90, 120)


@pytest.fixture(scope="module")
def slices() -> list[npt.NDArray[np.uint8]]:
    """Axial slices of the template, (233, 197) each."""
    folder = installed("demo-data")
    if folder is None:
        pytest.skip("needs the demo data: autosam fetch demo-data")
    volume = np.asarray(nibabel.load(folder / "mni_icbm152_t1_tal_nlin_sym_09a_converted.nii.gz").dataobj, np.uint8)
    return [np.ascontiguousarray(volume[::-1, ::-1, index].T) for index in SLICES]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model of random weights whose prompt is large enough to shape the mask."""
    sam = tiny_sam()
    card = Card("tiny-random", sam.fingerprint(), "sam-features", 64, sam.embedding_shape)
    torch.manual_seed(0)
    trained = build(card, sam).trained().state_dict()
    state = {k: v + 0.05 * torch.randn_like(v) if v.is_floating_point() else v for k, v in trained.items()}
    state = {k: v.abs() + 0.1 if k.endswith("running_var") else v for k, v in state.items()}
    folder = tmp_path_factory.mktemp("run")
    save(folder / "model.safetensors", state, card)
    return folder


def _logits(run: Path, engine: Engine, slices: list[npt.NDArray[np.uint8]]) -> list[npt.NDArray[np.float64]]:
    model = autosam.load(run, engine=engine.name, precision=engine.precision)
    made = [model.predict(one).probability.astype(np.float64).clip(1e-7, 1 - 1e-7) for one in slices]
    return [np.log(one / (1 - one)) for one in made]


@pytest.mark.parametrize("engine", [each for each in ENGINES if each != REFERENCE], ids=str)
def test_every_engine_agrees_on_the_demo_images(
    engine: Engine, run: Path, slices: list[npt.NDArray[np.uint8]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if engine == Engine("openvino", "bfloat16") and not has_bfloat16():
        pytest.skip("this CPU has no bfloat16 for OpenVINO")
    monkeypatch.setenv("AUTOSAM_CACHE", str(tmp_path))
    overlaps = []
    # Of random weights bfloat16 makes 1 to 3 % of another map, from draw to draw; of real ones half a per cent.
    least = 0.9999 if engine.precision == "float32" else 0.999
    for made, truth in zip(_logits(run, engine, slices), _logits(run, REFERENCE, slices), strict=True):
        assert np.sum(made * truth) / (np.linalg.norm(made) * np.linalg.norm(truth)) > least
        # Of random weights no mask means anything; the median cuts the one that is most easily changed.
        cut = np.median(truth)
        assert truth.std() > 0.01, "a flat map would agree with any"
        overlaps.append(METRICS["iou"](made >= cut, truth >= cut))
    assert np.mean(overlaps) >= (0.999 if engine.precision == "float32" else 0.95)
    assert min(overlaps) >= (0.995 if engine.precision == "float32" else 0.9)
