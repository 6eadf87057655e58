"""The facts of this machine that decide whether and how fast AutoSAM runs on it; nothing is measured, no network."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import psutil
import torch

from autosam.core.files import cache_folder
from autosam.data.embeddings import EmbeddingCache
from autosam.inference.cpu import cores, cpu_features, memory_limit

LIBRARIES = (
    "autosam", "torch", "transformers", "openvino", "safetensors", "numpy", "scipy", "pillow", "tifffile",
    "nibabel", "matplotlib",
)  # fmt: skip

CHECKED_BYTES = 2**32


def machine() -> dict[str, Any]:
    """Returns the facts of this machine as JSON knows them (dict, list, str, int, bool, None); sizes are in bytes.

    Weights are hashed: a name's entry is where they are, None where they are missing or damaged. The embedding cache
    is read where it is small, and damaged entries are removed from it: "damaged" is their number, None where not read.
    "engines" is what earlier self-tests found for each SAM and still holds, "outdated_engines" the number of those that
    do not: of other versions, threads or machines.
    """
    return {
        "python": {"version": platform.python_version(), "executable": sys.executable},
        "system": {"name": platform.system(), "release": platform.release(), "architecture": platform.machine()},
        "libraries": {name: _version(name) for name in LIBRARIES},
        "torchvision": _torchvision(),
        "cpu": {"cores": cores(), "features": cpu_features()},
        "threads": {"torch": torch.get_num_threads(), "OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS")},
        "memory": _memory(),
        "devices": _devices(),
        "cache": _folder(cache_folder()),
        "temporary": _temporary(),
        "embeddings": _embeddings(),
        **_engines(),
        "weights": _weights(),
    }


def _weights() -> dict[str, str | None]:
    from autosam.models.weight_sources import WEIGHTS
    from autosam.models.weights import installed

    found = {name: installed(name) for name in WEIGHTS}
    return {name: None if place is None else str(place) for name, place in found.items()}


def _engines() -> dict[str, Any]:
    from autosam.inference.choice import all_kept

    found, outdated = all_kept()
    return {"engines": found, "outdated_engines": outdated}


def _embeddings() -> dict[str, int | None]:
    cache = EmbeddingCache(cache_folder() / "embeddings")
    size = cache.size()
    # Reading tens of gigabytes is no business of a look at the machine; each entry is checked when it is used.
    if size > CHECKED_BYTES:
        return {"bytes": size, "damaged": None}
    state = cache.check()
    return {"bytes": state.bytes, "damaged": state.damaged}


def _version(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def _torchvision() -> dict[str, Any] | None:
    # A torchvision of another build than torch's fails only when it is imported, and takes its importer down with it:
    # transformers imports it where it finds it. Hence the other process.
    if importlib.util.find_spec("torchvision") is None:
        return None
    command = [sys.executable, "-c", "import torchvision"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
        lines = done.stderr.strip().splitlines()
        error = None if done.returncode == 0 else (lines[-1] if lines else f"exit code {done.returncode}")
    except (OSError, subprocess.TimeoutExpired) as fault:
        error = str(fault)
    return {"version": _version("torchvision"), "works": error is None, "error": error}


def _memory() -> dict[str, int]:
    whole = psutil.virtual_memory()
    limit, used = memory_limit()
    if limit is None or limit >= whole.total:
        return {"total": whole.total, "available": whole.available}
    return {"total": limit, "available": max(0, min(whole.available, limit - used))}


def _devices() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = [{"name": "cpu", "model": platform.processor() or None, "memory": None}]
    if torch.cuda.is_available():
        for index in range(torch.cuda.device_count()):
            card = torch.cuda.get_device_properties(index)
            found.append({"name": f"cuda:{index}", "model": card.name, "memory": card.total_memory})
    if torch.backends.mps.is_available():
        found.append({"name": "mps", "model": None, "memory": None})
    return found


def _folder(folder: Path) -> dict[str, Any]:
    there = folder
    while not there.exists() and there != there.parent:
        there = there.parent
    return {
        "folder": str(folder),
        "writable": there.is_dir() and os.access(there, os.W_OK),
        "free": shutil.disk_usage(there).free,
        "disk": there.stat().st_dev,
    }


def _temporary() -> dict[str, Any] | None:
    try:
        return _folder(Path(tempfile.gettempdir()))
    except OSError:
        return None
