"""Every metric against what its oracles said of the pictures in fixtures/ (`make parity` writes both)."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import autosam.metrics
from autosam.metrics import MAP_METRICS, METRICS, OBJECT_METRICS, stretched

FIXTURES = Path(__file__).with_name("fixtures")
# metric -> oracle -> kind of case -> case -> value.
ORACLES: dict[str, dict[str, dict[str, dict[str, float]]]] = json.loads((FIXTURES / "oracles.json").read_text())
NAMES = sorted(METRICS | OBJECT_METRICS | MAP_METRICS)


@pytest.fixture(scope="module")
def cases() -> dict[str, dict[str, tuple[np.ndarray, np.ndarray]]]:
    with np.load(FIXTURES / "cases.npz") as arrays:
        found = {
            kind: {
                str(name): (truth, prediction)
                for name, truth, prediction in zip(
                    *(arrays[f"{kind}_{column}"] for column in ("name", "truth", "prediction")), strict=True
                )
            }
            for kind in ("map", "object")
        }
    stretch = {name: (truth, stretched(gray)) for name, (truth, gray) in found["map"].items()}
    masks = {name: (truth, gray > 127) for name, (truth, gray) in found["map"].items()}
    return {"map": stretch, "mask": masks, "object": found["object"]}


@pytest.mark.parametrize("name", NAMES)
def test_equals_its_oracles(name: str, cases: dict[str, dict[str, tuple[np.ndarray, np.ndarray]]]) -> None:
    assert ORACLES[name], "every metric needs an oracle: add one in parity/oracles.py and run make parity"
    for oracle, kinds in ORACLES[name].items():
        # torchmetrics and MONAI count in float32.
        limit = 1e-4 if "MONAI" in oracle else 1e-9
        for kind, values in kinds.items():
            scores = {case: getattr(autosam.metrics, name)(*cases[kind][case]) for case in values}
            assert scores == pytest.approx(values, abs=limit, rel=limit), (oracle, kind)


def test_the_table_names_every_metric() -> None:
    page = (Path(__file__).parents[2] / "docs" / "parity.md").read_text()
    assert all(f"| {name} |" in page for name in NAMES)
