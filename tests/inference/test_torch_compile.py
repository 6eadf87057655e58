"""`--engine torch-compile`: the reference's masks, only where asked for, and a cure where there is no compiler."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from torch._inductor.exc import InvalidCxxCompiler

import autosam
from autosam.core.errors import UsageError
from autosam.inference.engine import ENGINES, ON_REQUEST, Engine, candidates
from autosam.inference.torch_compile import compiled_by_torch
from autosam.models.card import Card
from autosam.models.checkpoint import build, save
from autosam.models.sam import tiny_sam


@pytest.fixture
def run(tmp_path: Path) -> Path:
    sam = tiny_sam()
    card = Card("tiny-random", sam.fingerprint(), "sam-features", 64, sam.embedding_shape)
    torch.manual_seed(0)
    state = {
        name: value + 0.05 * torch.randn_like(value) for name, value in build(card, sam).trained().state_dict().items()
    }
    save(tmp_path / "run" / "model.safetensors", state, card)
    return tmp_path / "run"


@pytest.mark.skipif(shutil.which("g++") is None, reason="torch.compile needs a C++ compiler: there is no g++ here")
def test_compiled_masks_are_those_of_the_reference(run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AUTOSAM_CACHE", str(tmp_path / "cache"))
    picture = np.random.default_rng(0).integers(0, 255, (70, 50, 3), np.uint8)
    reference = autosam.load(run, engine="torch", precision="float32").predict(picture)
    model = autosam.load(run, engine="torch-compile")
    first, second = model.predict(picture), model.predict(picture)
    np.testing.assert_allclose(first.probability, reference.probability, atol=1e-4)
    assert first.surrogate is not None and reference.surrogate is not None
    np.testing.assert_allclose(first.surrogate, reference.surrogate, atol=1e-4)
    assert np.array_equal(first.probability, second.probability)


def test_nothing_but_its_name_chooses_it() -> None:
    for device in ("cpu", "cuda"):
        on = torch.device(device)
        assert candidates("torch-compile", "auto", on) == [Engine("torch-compile", "float32")]
        assert candidates("torch-compile", "bfloat16", on) == [Engine("torch-compile", "bfloat16")]
        assert not set(candidates("auto", "auto", on)) & set(ON_REQUEST)
    assert not set(ENGINES) & set(ON_REQUEST)


def test_a_compiler_that_is_missing_has_a_cure(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuses(work: object, **_: object) -> object:
        def fails(*_: object) -> None:
            raise InvalidCxxCompiler

        return fails

    monkeypatch.setattr(torch, "compile", refuses)
    with pytest.raises(UsageError, match=r"No working C\+\+ compiler.*--engine auto"):
        compiled_by_torch(torch.sin)(torch.zeros(1))


def test_a_fault_of_the_work_comes_through(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(_: torch.Tensor) -> None:
        raise ValueError("size 3")

    monkeypatch.setattr(torch, "compile", lambda work, **_: work)
    with pytest.raises(ValueError, match="size 3"):
        compiled_by_torch(fails)(torch.zeros(1))
