"""A small data set of discs, and a training of seconds on a tiny SAM."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image


@pytest.fixture
def discs(tmp_path: Path) -> Path:
    """A folder of ten images of a bright disc each, with its mask."""
    rng = np.random.default_rng(0)
    root = tmp_path / "discs"
    (root / "images").mkdir(parents=True)
    (root / "masks").mkdir()
    rows, columns = np.mgrid[:48, :64]
    for number in range(10):
        y, x, radius = rng.integers(14, 34), rng.integers(14, 50), rng.integers(6, 13)
        mask = (rows - y) ** 2 + (columns - x) ** 2 < radius**2
        image = np.where(mask[..., None], (220, 160, 90), (60, 40, 90)) + rng.normal(0, 12, (48, 64, 3))
        Image.fromarray(image.clip(0, 255).astype(np.uint8)).save(root / "images" / f"case{number}.png")
        Image.fromarray(mask.astype(np.uint8) * 255).save(root / "masks" / f"case{number}.png")
    return root


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, disk: Callable[[int], None]) -> None:
    monkeypatch.setenv("AUTOSAM_CACHE", str(tmp_path / "cache"))
    disk(100 << 30)
