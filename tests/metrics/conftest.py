"""Loads the formulas that were stated again, which are no part of the package."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

FORMULAS = Path(__file__).resolve().parents[2] / "parity" / "formulas.py"


@pytest.fixture(scope="session")
def formulas() -> ModuleType:
    """The scores of objects over sets of pixels."""
    spec = importlib.util.spec_from_file_location("parity_formulas", FORMULAS)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
