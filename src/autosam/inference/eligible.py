"""Which engines are worth a try for a SAM on this machine."""

from __future__ import annotations

import importlib.util
import logging

from autosam.inference.cpu import cpu_features, machine_memory
from autosam.inference.engine import Engine
from autosam.models.frozen_sam import FrozenSam

log = logging.getLogger(__name__)

GRAPH_COPIES = {"openvino": 8, "onnxruntime": 14}
"""How many times a SAM's weights a process takes at most while it makes and runs a graph; see `bench.memory`."""


def is_usable(engine: Engine) -> bool:
    """Says whether there is hope for an engine: not where it is not installed, nor for bfloat16 in software."""
    if engine.name == "onnxruntime":
        return importlib.util.find_spec("onnxruntime") is not None
    features = cpu_features()
    native = [features[name] for name in ("AVX-512 bf16", "AMX bf16")]
    return engine.precision != "bfloat16" or any(native) or all(each is None for each in native)


def fits(engine: Engine, sam: FrozenSam) -> bool:
    """Says whether this machine has the memory for it: making a graph holds the weights several times."""
    needed = GRAPH_COPIES.get(engine.name, 0) * sum(each.numel() * each.element_size() for each in sam.parameters())
    if needed <= machine_memory():
        return True
    log.info(
        "%s is not tried for %s: its graph takes about %.0f GB to make, this machine has %.0f",
        engine, sam.name, needed / 2**30, machine_memory() / 2**30,
    )  # fmt: skip
    return False


def is_outdone(engine: Engine, seconds: dict[str, float]) -> bool:
    """Says whether an engine needs no try: float32 after a faster bfloat16, ONNX Runtime after a faster OpenVINO."""
    best = min(seconds, key=lambda name: seconds[name], default="")
    sibling = str(Engine(engine.name, "bfloat16"))
    return best == sibling or (engine.name == "onnxruntime" and best.startswith("openvino"))
