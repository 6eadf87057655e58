"""ONNX Runtime runs where it was asked to run, or says that it cannot."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from autosam.core.errors import UsageError
from autosam.inference import onnx_encoder
from autosam.inference.onnx_encoder import OnnxGraph

CUDA, CPU = "CUDAExecutionProvider", "CPUExecutionProvider"


def _runtime(loaded: list[str] | None) -> SimpleNamespace:
    """ONNX Runtime as a build for CUDA whose sessions have these providers; none can be made where None."""

    class Session:
        def __init__(self, *_: object, enable_fallback: int = 1, **__: object) -> None:
            if loaded is None and not enable_fallback:
                raise RuntimeError("CUDA failure 35: driver is insufficient")
            self.loaded = [CPU] if loaded is None else loaded

        def get_providers(self) -> list[str]:
            return self.loaded

        def get_inputs(self) -> list[object]:
            return []

    return SimpleNamespace(
        InferenceSession=Session, SessionOptions=SimpleNamespace, get_available_providers=lambda: [CUDA, CPU]
    )


@pytest.mark.parametrize("loaded", [[CPU], None], ids=["left out", "failed"])
def test_cuda_that_does_not_load_is_an_error(
    loaded: list[str] | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AUTOSAM_CACHE", str(tmp_path))
    monkeypatch.setattr(onnx_encoder, "_convert", lambda module, shapes, file: file.write_bytes(b"graph"))
    monkeypatch.setattr(onnx_encoder, "onnxruntime", lambda: _runtime(loaded))
    with pytest.raises(UsageError, match="cannot use CUDA") as caught:
        OnnxGraph("content", [(1, 3, 8, 8)], torch.nn.Identity, torch.device("cuda"))
    assert "--engine torch" in str(caught.value.cure)
    monkeypatch.setattr(onnx_encoder, "onnxruntime", lambda: _runtime([CUDA, CPU]))
    OnnxGraph("content", [(1, 3, 8, 8)], torch.nn.Identity, torch.device("cuda"))
