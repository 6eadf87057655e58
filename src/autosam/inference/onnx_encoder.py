"""ONNX Runtime graphs of torch modules, on the CPU or on CUDA, and a SAM's image encoder as one."""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from autosam.core.errors import UsageError
from autosam.core.prompt import ImageEmbedding
from autosam.inference.engine import Engine, first_line, identity, one_by_one
from autosam.inference.graphs import GraphCache
from autosam.inference.openvino_encoder import EncoderGraph
from autosam.models.frozen_sam import FrozenSam

OPSET = 18
_FILE = "graph.onnx"
_CPU = torch.device("cpu")
_CUDA = "CUDAExecutionProvider"


def onnxruntime() -> Any:
    """Returns the module onnxruntime.

    Raises:
        UsageError: where it is not installed.
    """
    try:
        import onnx  # noqa: F401 - torch exports through it
        import onnxruntime as module
    except ImportError as fault:
        raise UsageError(
            f"ONNX Runtime is not installed ({fault})", cure="Install it: python -m pip install 'autosam[onnx]'"
        ) from fault
    return module


def providers(on: torch.device) -> list[Any]:
    """Returns ONNX Runtime's providers for a device, with their options, in the order of preference.

    Raises:
        UsageError: where this build of ONNX Runtime has none for the device.
    """
    if on.type == "cpu":
        return ["CPUExecutionProvider"]
    if on.type != "cuda" or _CUDA not in onnxruntime().get_available_providers():
        raise UsageError(
            f"this ONNX Runtime does not run on {on.type}",
            cure="Use --device cpu or --engine torch; for CUDA, install onnxruntime-gpu in place of onnxruntime",
        )
    # By default CUDA would round float32 to the 10 bits of TF32.
    return [(_CUDA, {"device_id": on.index or 0, "use_tf32": 0}), "CPUExecutionProvider"]


class OnnxGraph:
    """A torch module of fixed input shapes in ONNX Runtime, in float32; any number of threads may call it.

    The converted graph is kept in the cache, where a second start finds it and needs no torch module.

    Args:
        content: everything that the graph was made of besides the shapes, hashed into its key.
        shapes: of the inputs, all float32.
        module: gives the torch module where the graph must be converted.
        on: the CPU or a CUDA device.
        threads: that work on one call; torch's own number where None.

    Raises:
        UsageError: where ONNX Runtime is not installed, or does not run on the device.
    """

    def __init__(
        self,
        content: str,
        shapes: Sequence[tuple[int, ...]],
        module: Callable[[], torch.nn.Module],
        on: torch.device = _CPU,
        threads: int | None = None,
    ) -> None:
        runtime, chosen = onnxruntime(), providers(on)
        text = f"onnx {OPSET} torch {torch.__version__} {content} {list(shapes)}"
        key = hashlib.sha256(text.encode()).hexdigest()
        folder = GraphCache().get(key, lambda place: _convert(module(), shapes, place / _FILE))
        options = runtime.SessionOptions()
        options.intra_op_num_threads = threads or torch.get_num_threads()
        file = str(folder / _FILE)
        try:
            # Without this it would go on by the CPU where CUDA fails.
            self._session = runtime.InferenceSession(file, options, providers=chosen, enable_fallback=0)
        except Exception as fault:
            if on.type == "cpu":
                raise
            raise _no_cuda(first_line(fault)) from fault
        if on.type == "cuda" and _CUDA not in self._session.get_providers():
            raise _no_cuda("it did not load")
        self._names = [one.name for one in self._session.get_inputs()]

    def __call__(self, *inputs: npt.NDArray[np.float32]) -> list[npt.NDArray[np.float32]]:
        """Returns the outputs."""
        outputs: list[npt.NDArray[np.float32]] = self._session.run(None, dict(zip(self._names, inputs, strict=True)))
        return outputs


class OnnxEncoder:
    """The SAM's encoder as one ONNX graph in float32.

    Args:
        sam: the frozen SAM, on the CPU.
        on: where the graph runs.
        threads: that work on one image; all where None.

    Raises:
        UsageError: where ONNX Runtime is not installed, or does not run on the device.
    """

    def __init__(self, sam: FrozenSam, on: torch.device = _CPU, threads: int | None = None) -> None:
        size = sam.rule.size
        self.threads = threads or torch.get_num_threads()
        self._graph = OnnxGraph(
            identity(sam, "encoder"), [(1, 3, size, size)], lambda: EncoderGraph(sam), on, self.threads
        )
        self._device = on
        self.rule = sam.rule
        self.engine = Engine("onnxruntime", "float32")
        self.identity = identity(sam, described(on))

    def __call__(self, pixels: torch.Tensor) -> ImageEmbedding:
        """See `Encoder`."""
        if len(pixels) > 1:
            return one_by_one(self, pixels)
        return ImageEmbedding(torch.from_numpy(self._graph(pixels.cpu().numpy())[0]).to(self._device))


def described(on: torch.device) -> str:
    """Returns the engine as an identity names it."""
    where = "" if on.type == "cpu" else f" {on.type}"
    return f"onnxruntime {onnxruntime().__version__}{where} float32"


def _no_cuda(why: str) -> UsageError:
    return UsageError(
        f"ONNX Runtime cannot use CUDA here ({why})",
        cure="Install the CUDA and cuDNN that this onnxruntime-gpu was built for, or use --engine torch",
    )


def _convert(module: torch.nn.Module, shapes: Sequence[tuple[int, ...]], file: Path) -> None:
    with warnings.catch_warnings():
        # Shapes are fixed here, so what the tracer takes for constants is constant.
        warnings.simplefilter("ignore")
        torch.onnx.export(
            module.eval(),
            tuple(torch.zeros(shape) for shape in shapes),
            str(file),
            input_names=[f"input{index}" for index in range(len(shapes))],
            opset_version=OPSET,
            # The newer exporter needs a package more, and records a graph that is not faster.
            dynamo=False,
        )
