"""The readers of files that strangers write, each as one function of a file's bytes."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Callable
from pathlib import Path

from autosam.core.errors import AutoSAMError


def image(data: bytes) -> None:
    """Reads an image: (H, W) or (H, W, 3), or a fault that a user is told."""
    from autosam.data.images import orientation, read_image

    def read(file: Path) -> None:
        orientation(file)
        pixels = read_image(file)
        if not (pixels.ndim == 2 or (pixels.ndim == 3 and pixels.shape[2] == 3 and pixels.dtype.kind == "u")):
            raise AssertionError(f"an image of {pixels.shape} {pixels.dtype}")

    _with_file(data, "image.png", read)


def mask(data: bytes) -> None:
    """Reads a mask: (H, W) integers, or a fault that a user is told."""
    from autosam.data.images import read_mask

    def read(file: Path) -> None:
        labels = read_mask(file)
        if labels.ndim != 2 or labels.dtype.kind not in "ui":
            raise AssertionError(f"a mask of {labels.shape} {labels.dtype}")

    _with_file(data, "mask.tif", read)


def table(data: bytes) -> None:
    """Reads a CSV of pairs, one of which there is."""
    from autosam.data.folder import find_pairs

    def read(file: Path) -> None:
        for name in ("a.png", "b.png"):
            (file.parent / name).touch()
        find_pairs(file, group=r"(\w)")

    _with_file(data, "cases.csv", read)


def config(data: bytes) -> None:
    """Reads choices, and a run's configuration."""
    from autosam.training.config import make_config
    from autosam.training.run_config import read_run_config

    _with_file(data, "config.yaml", lambda file: make_config({"data": "x"}, file))
    _with_file(data, "config.yaml", read_run_config)


def checkpoint(data: bytes) -> None:
    """Reads weights as safetensors and as a pickle of tensors, and a card."""
    from autosam.models.checkpoint import read_card, read_trained
    from autosam.models.tensors import load_tensors

    _with_file(data, "model.safetensors", load_tensors)
    _with_file(data, "model.safetensors", read_card)
    _with_file(data, "model.safetensors", read_trained)
    _with_file(data, "model.pth", load_tensors)


READERS: dict[str, Callable[[bytes], None]] = {
    "image": image,
    "mask": mask,
    "table": table,
    "config": config,
    "checkpoint": checkpoint,
}


def _with_file(data: bytes, name: str, read: Callable[[Path], object]) -> None:
    with tempfile.TemporaryDirectory() as folder, contextlib.suppress(AutoSAMError):
        file = Path(folder) / name
        file.write_bytes(data)
        read(file)
