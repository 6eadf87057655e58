"""Fixtures that several rooms' tests share."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch

ROOT = Path(__file__).resolve().parents[1]


def _shared(variable: str, name: str) -> Path:
    folder = Path(os.environ.get(variable) or ROOT.parent / "shared" / name)
    if not folder.is_dir():
        pytest.skip(f"needs the {name} folder: neither {variable} nor ../shared/{name} is there")
    return folder


@pytest.fixture(scope="session")
def golden() -> Path:
    """The folder of reference outputs."""
    return _shared("AUTOSAM_GOLDEN", "golden")


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real images for developers."""
    return _shared("AUTOSAM_DATA", "data")


@pytest.fixture(scope="session")
def _rule(golden: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location("golden_fill", golden / "fill.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def fill(_rule: ModuleType) -> Callable[[str, tuple[int, ...]], np.ndarray]:
    """The rule that gives every weight of a golden model from its name and shape."""
    return _rule.fill


@pytest.fixture(scope="session")
def noise(_rule: ModuleType) -> Callable[[int, tuple[int, ...]], np.ndarray]:
    """The golden models' input of a seed and a shape."""
    return _rule.noise


@pytest.fixture(autouse=True)
def _steady() -> None:
    torch.manual_seed(0)
    np.random.seed(0)
