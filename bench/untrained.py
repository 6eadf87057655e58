"""A run with the first weights of g and h, and images to give it: speed does not depend on what was learnt."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from PIL import Image

from autosam.models.card import Card
from autosam.models.checkpoint import build, save
from autosam.models.frozen_sam import load_sam
from autosam.models.prompt_encoder import default_size


def write_run(folder: Path, sam_name: str) -> Path:
    """Writes a run of a SAM and the light g into a new folder; returns the folder."""
    sam = load_sam(sam_name)
    size = default_size("sam-features", sam.rule.size)
    card = Card(sam.name, sam.fingerprint(), "sam-features", size, sam.embedding_shape)
    torch.manual_seed(0)
    folder.mkdir(parents=True, exist_ok=True)
    save(folder / "model.safetensors", build(card, sam).trained().state_dict(), card)
    return folder


def write_images(folder: Path, count: int, size: int = 256) -> Path:
    """Writes so many noisy discs of size x size pixels as PNG into a new folder; returns the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:size, :size] / size
    for number in range(count):
        centre, radius = rng.uniform(0.3, 0.7, 2), rng.uniform(0.1, 0.25)
        disc = (y - centre[0]) ** 2 + (x - centre[1]) ** 2 < radius**2
        pixels = np.where(disc[..., None], (190, 90, 140), (230, 200, 220)) + rng.normal(0, 12, (size, size, 3))
        Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(folder / f"{number:05d}.png", compress_level=1)
    return folder
