"""SAMs, runs and pictures to measure on where real ones are not needed: all of them follow from a seed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image
from safetensors.torch import save_file

from autosam.models.card import Card
from autosam.models.checkpoint import build, save
from autosam.models.frozen_sam import FrozenSam, load_sam
from autosam.models.prompt_encoder import default_size
from autosam.models.sam import random_tensors
from autosam.models.sam_names import SamShape
from autosam.models.weight_sources import WEIGHTS
from autosam.models.weights import installed

_FOLDER = Path("build/bench")
_GLOBAL = {12: (2, 5, 8, 11), 24: (5, 11, 17, 23), 32: (7, 15, 23, 31)}


def _vit(width: int, depth: int, heads: int) -> SamShape:
    return SamShape(1024, 16, width, depth, heads, 4 * width, 14, _GLOBAL[depth], 256, 2048)


# The published sizes (arXiv 2304.02643, and the shapes in the official checkpoints).
SHAPES = {
    "sam-vit-base": _vit(768, 12, 12),
    "sam-vit-large": _vit(1024, 24, 16),
    "sam-vit-huge": _vit(1280, 32, 16),
}


def sam_source(name: str) -> tuple[str, bool]:
    """Returns what `load_sam` takes for a SAM, and whether its weights are made: those that were not fetched."""
    if name not in SHAPES or (name in WEIGHTS and installed(name) is not None):
        return name, False
    file = _FOLDER / f"{name}-made.safetensors"
    if not file.is_file():
        print(f"making weights of {name}, which was not fetched: {file}", flush=True)
        file.parent.mkdir(parents=True, exist_ok=True)
        tensors = random_tensors(SHAPES[name], seed=0)
        part = file.with_suffix(".part")
        save_file({key.replace("image_encoder.encoder.", "vision_encoder."): t for key, t in tensors.items()}, part)
        part.replace(file)
    return str(file), True


def any_sam(name: str) -> tuple[FrozenSam, str, str]:
    """Returns a frozen SAM, what it was loaded from, and the words for its weights."""
    source, made = sam_source(name)
    return load_sam(source), source, "made weights" if made or name == "tiny-random" else "real weights"


def make_run(sam: FrozenSam, prompt_encoder: str, folder: Path, size: int | None = None) -> Path:
    """Writes a run whose g and h are drawn, away from the first weights, whose prompt is next to nothing."""
    size = size or default_size(prompt_encoder, sam.rule.size)
    card = Card(sam.name, sam.fingerprint(), prompt_encoder, size, sam.embedding_shape)
    torch.manual_seed(0)
    drawn = {
        name: value + 0.02 * torch.randn_like(value) if value.ndim == 4 else value
        for name, value in build(card, sam).trained().state_dict().items()
    }
    save(folder / "model.safetensors", drawn, card)
    return folder


def picture(height: int, width: int, seed: int = 0) -> npt.NDArray[np.uint8]:
    """Returns an image (H, W, 3) with blobs, edges and noise: what compresses and filters like a photograph."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    plane = np.full((height, width, 3), 210, np.float32)
    for _ in range(12):
        cy, cx, radius = rng.uniform(0, height), rng.uniform(0, width), rng.uniform(0.05, 0.2) * min(height, width)
        inside = (y - cy) ** 2 + (x - cx) ** 2 < radius**2
        plane[inside] = rng.uniform(40, 200, 3)
    plane += rng.normal(0, 8, plane.shape)
    return np.clip(plane, 0, 255).astype(np.uint8)


def pictures(folder: Path, count: int, side: int) -> Path:
    """Writes `count` PNG images of side x side; returns the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(count):
        Image.fromarray(picture(side, side, number)).save(folder / f"{number:05d}.png", compress_level=1)
    return folder
