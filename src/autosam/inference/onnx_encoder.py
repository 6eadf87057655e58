"""A SAM's image encoder in ONNX Runtime, on the CPU."""

from __future__ import annotations

import hashlib
import warnings
from pathlib import Path
from typing import Any

import torch

from autosam.core.errors import UsageError
from autosam.core.prompt import ImageEmbedding
from autosam.inference.engine import Engine, identity, one_by_one
from autosam.inference.graphs import GraphCache
from autosam.inference.openvino_encoder import EncoderGraph
from autosam.models.frozen_sam import FrozenSam

OPSET = 18
_FILE = "graph.onnx"


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


class OnnxEncoder:
    """The SAM's encoder as one ONNX graph in float32; the graph is kept in the cache.

    Args:
        sam: the frozen SAM, on the CPU.

    Raises:
        UsageError: where ONNX Runtime is not installed.
    """

    def __init__(self, sam: FrozenSam) -> None:
        runtime = onnxruntime()
        content = f"onnx {OPSET} torch {torch.__version__} {identity(sam, 'encoder')}"
        key = hashlib.sha256(content.encode()).hexdigest()
        folder = GraphCache().get(key, lambda place: _convert(sam, place / _FILE))
        options = runtime.SessionOptions()
        options.intra_op_num_threads = torch.get_num_threads()
        self._session = runtime.InferenceSession(
            str(folder / _FILE), sess_options=options, providers=["CPUExecutionProvider"]
        )
        self.rule = sam.rule
        self.engine = Engine("onnxruntime", "float32")
        self.identity = identity(sam, f"onnxruntime {runtime.__version__} float32")

    def __call__(self, pixels: torch.Tensor) -> ImageEmbedding:
        """See `Encoder`."""
        if len(pixels) > 1:
            return one_by_one(self, pixels)
        (main,) = self._session.run(None, {"pixels": pixels.numpy()})
        return ImageEmbedding(torch.from_numpy(main))


def _convert(sam: FrozenSam, file: Path) -> None:
    size = sam.rule.size
    with warnings.catch_warnings():
        # Shapes are fixed here, so what the tracer takes for constants is constant.
        warnings.simplefilter("ignore")
        torch.onnx.export(
            EncoderGraph(sam),
            (torch.zeros(1, 3, size, size),),
            str(file),
            input_names=["pixels"],
            output_names=["embedding"],
            opset_version=OPSET,
            # The newer exporter needs a package more, and records a graph that is not faster.
            dynamo=False,
        )
