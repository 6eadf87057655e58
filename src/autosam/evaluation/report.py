"""Every number that anyone prints: a row per case, their means with intervals, and where all of it came from."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np

from autosam.core.files import write_json, write_text
from autosam.evaluation.bootstrap import RESAMPLES, interval, mean_intervals
from autosam.evaluation.calibration import Calibration
from autosam.evaluation.case import Case
from autosam.evaluation.gallery import Gallery
from autosam.metrics import METRICS, Metric

VIEW = "standard"


@dataclass(frozen=True, slots=True, eq=False)
class Report:
    """The outcome of an evaluation.

    Attributes:
        cases: in the order in which they were evaluated; at least one.
        provenance: hashes, versions, configuration, protocol: plain values, nested as they are.
        metrics: those that the cases were scored by.
        calibration: of the pixels' probabilities; None where none were counted.
        gallery: the pictures; None for none.
        seed: of the bootstrap.
        marks: what a reader must know before the numbers, a sentence each.
    """

    cases: Sequence[Case]
    provenance: Mapping[str, Any] = field(default_factory=dict)
    metrics: Mapping[str, Metric] = field(default_factory=lambda: METRICS)
    calibration: Calibration | None = None
    gallery: Gallery | None = None
    seed: int = 0
    marks: Sequence[str] = ()

    def summary(self) -> dict[str, Any]:
        """Returns what `summary.json` holds, plain values only.

        Per metric the mean over the cases, its 95 % bootstrap interval (None for one group alone), its unit and the
        number of cases with a value (distances also how many are the image's diagonal); under "surrogate" the same for
        the surrogate decoder's masks, where there are any, cases without a prediction counted there too. Fractions are
        in 0..1.
        """
        groups = {case.group for case in self.cases if case.group is not None}
        error = self.calibration.error() if self.calibration else None
        summary: dict[str, Any] = {
            **self._means(self.cases, surrogate=False),
            "view": VIEW,
            "marks": list(self.marks),
            "cases": len(self.cases),
            "failed": len(self.failures),
            "groups": len(groups) or None,
            "failures": [{"id": case.id, "file": case.file, "error": case.error} for case in self.failures],
            "calibration": None if error is None else {"ece": error},
            "bootstrap": {
                "resamples": RESAMPLES,
                "seed": self.seed,
                "over": "groups" if groups else "cases",
                "drawn": len(groups) + sum(case.group is None for case in self.cases),
            },
            "provenance": _plain(self.provenance),
        }
        if any(case.surrogate for case in self.cases):
            judged = [case for case in self.cases if case.surrogate or case.error]
            summary["surrogate"] = self._means(judged, surrogate=True)
        return summary

    @property
    def failures(self) -> list[Case]:
        """The cases without a prediction."""
        return [case for case in self.cases if case.error is not None]

    def write(self, out: Path) -> None:
        """Writes `cases.csv`, `summary.json` and `report.html` into the folder `out`.

        Raises:
            ResourceError: where the disk is full.
        """
        from autosam.evaluation.page import page

        out.mkdir(parents=True, exist_ok=True)
        summary = self.summary()
        write_text(out / "cases.csv", self._table())
        write_json(out / "summary.json", summary)
        write_text(out / "report.html", page(self, summary))

    def _means(self, cases: Sequence[Case], *, surrogate: bool) -> dict[str, Any]:
        scores = [(case.surrogate or case.scores) if surrogate else case.scores for case in cases]
        values = np.array([[row.get(name, np.nan) for name in self.metrics] for row in scores], np.float64)
        groups = [case.group for case in cases]
        intervals = mean_intervals(values, groups, seed=self.seed)
        units = {case.unit for case in cases if case.size is not None}
        unit = "px" if not units else "mixed" if len(units) > 1 else min(units)
        means: dict[str, Any] = {}
        for metric, column, ends in zip(self.metrics.values(), values.T, intervals, strict=True):
            known = column[np.isfinite(column)]
            entry: dict[str, Any] = {"unit": "fraction", "cases": len(known)}
            if metric.unit == "length":
                entry["unit"] = unit
                if not surrogate:
                    entry["at_diagonal"] = sum(case.one_empty for case in cases)
            # Pixels and millimetres have no common mean.
            some = len(known) > 0 and entry["unit"] != "mixed"
            entry["mean"] = float(known.mean()) if some else None
            entry["ci95"] = interval(ends) if some else None
            means[metric.name] = entry
        return means

    def _table(self) -> str:
        second = any(case.surrogate for case in self.cases)
        stream = StringIO()
        writer = csv.writer(stream, lineterminator="\n")
        names = [*self.metrics, *(f"surrogate_{name}" for name in self.metrics if second)]
        last = ["distance_unit", "truth_share", "mask_share", "confidence", "seconds", "content", "error"]
        writer.writerow(["id", "file", "group", "height", "width", *names, *last])
        for case in self.cases:
            scores = {**case.scores, **{f"surrogate_{name}": value for name, value in (case.surrogate or {}).items()}}
            numbers = [*(scores.get(name) for name in names), case.unit]
            numbers += [case.truth_share, case.mask_share, case.confidence, case.seconds]
            cells = [case.id, case.file, case.group, *(case.size or (None, None)), *numbers, case.content, case.error]
            writer.writerow([f"{cell:.6g}" if isinstance(cell, float) else cell for cell in cells])
        return stream.getvalue()


def _plain(value: Any) -> Any:
    """Returns `value` as JSON can hold it; what has no plain form becomes its text."""
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(item) for item in (sorted(value, key=str) if isinstance(value, set | frozenset) else value)]
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and not np.isfinite(value):
        return str(value)
    return value if value is None or isinstance(value, bool | int | float | str) else str(value)
