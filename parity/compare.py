"""Holds every metric against its oracles and writes the table and the fixtures that the tests check."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

import autosam.metrics as ours
from cases import map_cases, object_cases
from oracles import MAP_ORACLES, MASK_ORACLES, OBJECT_ORACLES, Oracle, of_components

ROOT = Path(__file__).resolve().parents[1]
TABLE = ROOT / "docs" / "parity.md"
FIXTURES = ROOT / "tests" / "metrics" / "fixtures"
# torchmetrics and MONAI count in float32.
LIMIT = {"torchmetrics, MONAI": 1e-4}
Case = tuple[str, Any, Any]
CURVES = ("dice_curve", "iou_curve", "sensitivity_curve", "f_curve", "e_curve")
PACKAGES = ("pysodmetrics", "panoptica", "torchmetrics", "monai", "scikit-image", "numpy", "scipy")


@dataclass(slots=True)
class Row:
    """What one oracle says of one metric.

    Attributes:
        compared: cases with a value.
        silent: cases without one.
        worst: the greatest difference.
        where: the case it was found on.
    """

    compared: int = 0
    silent: int = 0
    worst: float = 0.0
    where: str = ""


@dataclass(slots=True)
class Comparison:
    """All rows, and what the fixtures are made of."""

    rows: dict[tuple[str, str], Row] = field(default_factory=dict)
    cases: dict[str, list[Case]] = field(default_factory=dict)
    values: dict[str, dict[str, dict[str, dict[str, float]]]] = field(default_factory=dict)

    def hold(
        self, kind: str, case: Case, oracles: Mapping[str, Oracle], own: Callable[[str], Any], *, keep: bool
    ) -> None:
        """Compares one case, and keeps it for the fixtures where `keep` says so."""
        name, truth, prediction = case
        for oracle, ask in oracles.items():
            for metric, value in ask(truth, prediction).items():
                row = self.rows.setdefault((metric, oracle), Row())
                if not np.all(np.isfinite(value)):
                    row.silent += 1
                    continue
                row.compared += 1
                difference = float(np.max(np.abs(np.asarray(own(metric)) - value)))
                # Also where it is not a number.
                if not difference < row.worst:
                    row.worst, row.where = difference, name
                if keep and metric not in CURVES:
                    kinds = self.values.setdefault(metric, {}).setdefault(oracle, {})
                    # Far more digits than the tests ask for.
                    kinds.setdefault(kind, {})[name] = float(f"{value:.12g}")


def compare() -> Comparison:
    """Returns the comparison on every case."""
    found = Comparison()
    for large in (False, True):
        for name, truth, gray in map_cases(large=large):
            stretched, mask = ours.stretched(gray), gray > 127
            found.hold("map", (name, truth, gray), MAP_ORACLES, _scores(truth, stretched), keep=not large)
            found.hold("mask", (name, truth, mask), MASK_ORACLES, _scores(truth, mask), keep=not large)
            if not large:
                components: dict[str, Oracle] = {"formulas stated again": of_components}
                found.hold("mask", (name, truth, mask), components, _scores(truth, mask), keep=not large)
                found.cases.setdefault("map", []).append((name, truth, gray))
        for name, true, predicted in object_cases(large=large):
            oracles = {key: oracle for key, oracle in OBJECT_ORACLES.items() if not large or key == "panoptica"}
            found.hold("object", (name, true, predicted), oracles, _scores(true, predicted), keep=not large)
            if not large:
                found.cases.setdefault("object", []).append((name, true, predicted))
    return found


def table(rows: Mapping[tuple[str, str], Row]) -> str:
    """Returns the rows as a table of Markdown."""
    lines = ["| metric | oracle | cases | no value | greatest difference |", "|---|---|---:|---:|---:|"]
    for (metric, oracle), row in sorted(rows.items(), key=lambda item: (item[0][1], item[0][0])):
        lines.append(f"| {metric} | {oracle} | {row.compared} | {row.silent} | {row.worst:.1e} |")
    return "\n".join(lines)


def _scores(truth: Any, prediction: Any) -> Callable[[str], Any]:
    return lambda metric: getattr(ours, metric)(truth, prediction)


def main() -> int:
    """Returns 1 where a difference is above its limit."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true", help="write docs/parity.md and the fixtures")
    write = parser.parse_args().write
    found = compare()
    text = table(found.rows)
    print(text)
    missing = (set(ours.METRICS) | set(ours.OBJECT_METRICS) | set(ours.MAP_METRICS)) - {name for name, _ in found.rows}
    if missing:
        print(f"without an oracle: {', '.join(sorted(missing))}", file=sys.stderr)
        return 1
    far = {key: row for key, row in found.rows.items() if not row.worst <= LIMIT.get(key[1], 1e-9)}
    for (metric, oracle), row in far.items():
        print(f"{metric} differs from {oracle} by {row.worst:g} on '{row.where}'", file=sys.stderr)
    if far:
        return 1
    if write:
        versions = ", ".join(f"{package} {version(package)}" for package in PACKAGES)
        TABLE.write_text((Path(__file__).parent / "about.md").read_text().format(table=text, versions=versions))
        FIXTURES.mkdir(parents=True, exist_ok=True)
        arrays = {}
        for kind, cases in found.cases.items():
            columns = ("name", "truth", "prediction")
            arrays |= {
                f"{kind}_{column}": np.array(side)
                for column, side in zip(columns, zip(*cases, strict=True), strict=True)
            }
        np.savez_compressed(FIXTURES / "cases.npz", **arrays)
        text = json.dumps(found.values, separators=(",", ":")).replace("}},", "}},\n")
        (FIXTURES / "oracles.json").write_text(text + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
