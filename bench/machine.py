"""The machine that a measurement ran on, as far as its figures depend on it."""

from __future__ import annotations

import importlib.metadata
import os
import platform
from typing import Any

import psutil
import torch

from autosam.inference.cpu import cores, cpu_features, cpu_name
from autosam.models.sam_model import Sam

_LIBRARIES = ("autosam", "torch", "transformers", "openvino", "onnxruntime", "numpy")
_FAST = ("AVX-512 bf16", "AMX bf16")


def facts() -> dict[str, Any]:
    """Returns the CPU, its vectors, cores, threads, memory and the versions of what computes."""
    return {
        "cpu": cpu_name(),
        "features": [name for name, there in cpu_features().items() if there],
        "cores": cores(),
        "floors": has_floors(),
        "threads": torch.get_num_threads(),
        "memory": psutil.virtual_memory().total,
        "system": f"{platform.system()} {platform.machine()}, Python {platform.python_version()}",
        "versions": {**{name: _version(name) for name in _LIBRARIES}, "encoder code": str(Sam.code_version)},
    }


def kind() -> str:
    """Returns the best of this CPU's instruction sets, which decides most of its figures; "other" for none known."""
    return ([name for name, there in cpu_features().items() if there] or ["other"])[-1]


def has_floors() -> bool:
    """Says whether this CPU multiplies bf16 in its own instructions: the floors hold for such CPUs only."""
    features = cpu_features()
    return any(features[name] for name in _FAST)


def load() -> float:
    """Returns the number of processes that wanted to run in the last minute, on average."""
    return round(os.getloadavg()[0], 2)


def _version(name: str) -> str:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return "none"
