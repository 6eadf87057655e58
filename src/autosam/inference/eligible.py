"""Which engines are worth a try for a SAM on this machine."""

from __future__ import annotations

import importlib.util

from autosam.core.errors import ResourceError
from autosam.core.memory import is_out_of_memory
from autosam.inference.cpu import cpu_features, machine_memory
from autosam.inference.engine import Engine
from autosam.models.frozen_sam import FrozenSam

GRAPH_COPIES = {"openvino": 8, "onnxruntime": 14}
"""How many times a SAM's weights a process takes at most while it makes and runs a graph; see `bench.memory`."""


def obstacle(engine: Engine, sam: FrozenSam) -> str:
    """Returns why an engine is not worth a try for a SAM: not installed, bfloat16 in software, no memory for its graph.

    Empty where it is.
    """
    if engine.name == "onnxruntime" and importlib.util.find_spec("onnxruntime") is None:
        return "ONNX Runtime is not installed"
    features = cpu_features()
    native = [features[name] for name in ("AVX-512 bf16", "AMX bf16")]
    if engine.precision == "bfloat16" and not any(native) and not all(each is None for each in native):
        return "this CPU has no bfloat16"
    # Making a graph holds the weights several times.
    needed = GRAPH_COPIES.get(engine.name, 0) * sum(each.numel() * each.element_size() for each in sam.parameters())
    if needed > machine_memory():
        have = machine_memory() / 2**30
        return f"its graph takes about {needed / 2**30:.0f} GB to make, this machine has {have:.0f}"
    return ""


def is_outdone(engine: Engine, seconds: dict[str, float]) -> bool:
    """Says whether an engine needs no try: float32 after a faster bfloat16, ONNX Runtime after a faster OpenVINO.

    Args:
        engine: the engine.
        seconds: an image, of those that were tried and agree with the reference.
    """
    best = min(seconds, key=lambda name: seconds[name], default="")
    sibling = str(Engine(engine.name, "bfloat16"))
    return best == sibling or (engine.name == "onnxruntime" and best.startswith("openvino"))


def is_passing(fault: BaseException) -> bool:
    """Says whether a fault is a lack of memory or disk, which the next start may not meet."""
    return isinstance(fault, ResourceError) or is_out_of_memory(fault)
