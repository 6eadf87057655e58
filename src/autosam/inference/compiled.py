"""A torch module as a graph of whichever engine."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt
import torch

from autosam.inference.engine import Engine
from autosam.inference.openvino_encoder import Graph, openvino

Run = Callable[..., list[npt.NDArray[np.float32]]]


def compiled(
    content: str,
    shapes: Sequence[tuple[int, ...]],
    module: Callable[[], torch.nn.Module],
    engine: Engine,
    on: torch.device,
    streams: int = 1,
) -> Run:
    """Returns what runs a module of fixed input shapes: float32 arrays in, float32 arrays out.

    Args:
        content: everything that the graph is made of besides the shapes, as text; its key in the cache.
        shapes: of the inputs.
        module: gives the torch module where the graph must be converted.
        engine: OpenVINO or ONNX Runtime, at a precision.
        on: the device.
        streams: how many calls OpenVINO works on at a time, each by its share of the threads.

    Raises:
        UsageError: where the engine is not installed or does not run on the device.
    """
    if engine.name == "openvino":
        return Graph(content, shapes, module, engine.precision, streams)
    from autosam.inference.onnx_encoder import OnnxGraph

    return OnnxGraph(content, shapes, module, on)


def described(engine: Engine, on: torch.device) -> str:
    """Returns what runs a graph as an identity names it: the engine, its version and precision."""
    if engine.name == "openvino":
        return f"openvino {openvino().__version__} {engine}"
    from autosam.inference.onnx_encoder import described as onnx_described

    return onnx_described(on)
