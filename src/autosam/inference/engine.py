"""Engines that run a frozen SAM's image encoder: torch, or OpenVINO on a CPU."""

from __future__ import annotations

import logging
import sys
import warnings
from collections.abc import Callable
from typing import Any, Protocol

import torch

from autosam.core.checks import look_up
from autosam.core.errors import UsageError
from autosam.core.letterbox import PixelRule
from autosam.core.prompt import ImageEmbedding
from autosam.inference.cpu import cpu_features
from autosam.models.frozen_sam import FrozenSam

log = logging.getLogger(__name__)


class Encoder(Protocol):
    """An image encoder on an engine.

    Attributes:
        rule: how it wants its pixels.
        identity: everything that its numbers depend on besides the pixels: SAM's weights, the encoder's code, engine,
            version, precision. Part of every key of the embedding cache.
    """

    rule: PixelRule
    identity: str

    def __call__(self, pixels: torch.Tensor) -> ImageEmbedding:
        """Returns the embedding of (B, 3, S, S) scaled pixels, in float32 on the SAM's device.

        Images are encoded one by one on a CPU, so that an embedding's bits do not depend on its batch.
        """
        ...


class TorchEncoder:
    """The SAM's own encoder in torch."""

    def __init__(self, sam: FrozenSam, device: torch.device) -> None:
        self._sam = sam.to(device)
        self._device = device
        self.rule = sam.rule
        self.identity = _identity(sam, f"torch {torch.__version__} {device.type} float32")

    def __call__(self, pixels: torch.Tensor) -> ImageEmbedding:
        """See `Encoder`."""
        return self._sam.encode(pixels.to(self._device)) if len(pixels) == 1 else _one_by_one(self, pixels)


class OpenVinoEncoder:
    """The SAM's encoder as one OpenVINO graph in float32, converted when it is made."""

    def __init__(self, sam: FrozenSam) -> None:
        openvino = _openvino()
        size = sam.rule.size
        with warnings.catch_warnings():
            # Shapes are fixed here, so what the tracer takes for constants is constant.
            warnings.simplefilter("ignore")
            graph = openvino.convert_model(
                _Main(sam),
                example_input=torch.zeros(1, 3, size, size),
                input=[openvino.PartialShape([1, 3, size, size])],
            )
        hints = {"INFERENCE_PRECISION_HINT": "f32", "PERFORMANCE_HINT": "LATENCY"}
        hints["INFERENCE_NUM_THREADS"] = str(torch.get_num_threads())
        self._compiled = openvino.Core().compile_model(graph, "CPU", hints)
        self.rule = sam.rule
        self.identity = _identity(sam, f"openvino {openvino.__version__} f32")

    def __call__(self, pixels: torch.Tensor) -> ImageEmbedding:
        """See `Encoder`."""
        if len(pixels) > 1:
            return _one_by_one(self, pixels)
        return ImageEmbedding(torch.from_numpy(self._compiled(pixels.numpy())[0].copy()))


def _openvino() -> Any:
    # With its telemetry package in the way OpenVINO uses a stub that sends nothing: no network call is made unasked.
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]
    import openvino

    return openvino


class _Main(torch.nn.Module):
    """The encoder as a graph of one tensor in and one out."""

    def __init__(self, sam: FrozenSam) -> None:
        super().__init__()
        self.sam = sam

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        return self.sam.encode(pixels).main


def _one_by_one(encode: Callable[[torch.Tensor], ImageEmbedding], pixels: torch.Tensor) -> ImageEmbedding:
    single = [encode(one[None]) for one in pixels]
    fine = zip(*(each.fine for each in single), strict=True)
    return ImageEmbedding(torch.cat([each.main for each in single]), tuple(torch.cat(level) for level in fine))


def _identity(sam: FrozenSam, engine: str) -> str:
    return f"{sam.name} {sam.fingerprint()} code {sam.code_version} {engine}"


def device(name: str = "auto") -> torch.device:
    """Returns the device of a name: auto (CUDA, then Apple's GPU, then the CPU), cpu, cuda, cuda:N, mps.

    Raises:
        UsageError: where there is no such device on this machine.
    """
    if name == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda")
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    kind = name.split(":")[0]
    usable = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if not look_up(kind, usable, "device"):
        raise UsageError(
            f"no {kind} device is usable here", cure="`autosam doctor` lists the devices; --device cpu works everywhere"
        )
    return torch.device(name)


def make_encoder(sam: FrozenSam, engine: str = "auto", on: torch.device | None = None) -> Encoder:
    """Returns the encoder of a SAM on an engine.

    Args:
        sam: the frozen SAM.
        engine: "torch", "openvino", or "auto": OpenVINO on a CPU with AVX-512, where it converts this SAM (with AVX2
            alone it was no faster than torch, see docs/method.md); torch elsewhere.
        on: the device; the CPU where None.

    Raises:
        UsageError: for an unknown engine, or OpenVINO on another device than the CPU.
    """
    on = on or torch.device("cpu")
    look_up(engine, {"auto": 0, "torch": 0, "openvino": 0}, "engine")
    wide = any(name.startswith(("AVX-512", "AMX")) for name, there in cpu_features().items() if there)
    if engine == "torch" or (engine == "auto" and (on.type != "cpu" or not wide)):
        return TorchEncoder(sam, on)
    if on.type != "cpu":
        raise UsageError("the engine openvino runs on the CPU only", cure="Use --device cpu or --engine torch")
    if engine == "openvino":
        return OpenVinoEncoder(sam)
    try:
        return OpenVinoEncoder(sam)
    except Exception as fault:
        # Conversion fails in as many ways as there are versions; torch gives the same masks, only slower.
        log.warning("OpenVINO cannot run %s here (%s); using torch", sam.name, str(fault).splitlines()[0])
        return TorchEncoder(sam, on)
