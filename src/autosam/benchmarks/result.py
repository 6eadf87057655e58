"""What a benchmark's run ends in: numbers, tables and pictures."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from functools import cached_property
from io import StringIO
from pathlib import Path
from typing import Any

from autosam.benchmarks.averages import Averages, averages
from autosam.benchmarks.benchmark import Benchmark, Item
from autosam.benchmarks.budget import Budget, in_words
from autosam.benchmarks.inventory import Part
from autosam.benchmarks.markdown import markdown
from autosam.benchmarks.method import Method
from autosam.benchmarks.scoring import Outcome
from autosam.benchmarks.view import View
from autosam.core.files import write_bytes, write_json, write_text
from autosam.core.names import writable
from autosam.evaluation.bootstrap import RESAMPLES
from autosam.evaluation.gallery import Exhibit

_SUFFIXES = {"image/png": ".png", "image/jpeg": ".jpg"}


@dataclass(frozen=True, eq=False)
class Result:
    """The scores of one method on one benchmark.

    Attributes:
        benchmark: the benchmark.
        items: the test images, in the order of the scores.
        outcomes: one a seed of the training; at least one.
        views: those scored.
        method: what was scored, that of the first seed.
        parts: what the copy has of the official parts.
        marks: what must stand above every table.
        budgets: what was spent on each training, None where nothing was.
        seed: of the bootstrap.
    """

    benchmark: Benchmark
    items: tuple[Item, ...]
    outcomes: tuple[Outcome, ...]
    views: tuple[View, ...]
    method: Method
    parts: tuple[Part, ...]
    marks: tuple[str, ...]
    budgets: tuple[Budget | None, ...]
    seed: int = 0

    @cached_property
    def averages(self) -> Averages:
        """View -> part -> measure -> mean and interval."""
        return averages(self.benchmark, self.items, self.outcomes, self.views, seed=self.seed)

    @property
    def failures(self) -> list[dict[str, Any]]:
        """The cases without a prediction, one entry a seed."""
        return [failure for outcome in self.outcomes for failure in outcome.summary["failures"]]

    def summary(self) -> dict[str, Any]:
        """Returns what `summary.json` holds: view -> part -> measure, and beside it where the numbers come from."""
        groups = {item.group for item in self.items if item.group is not None}
        known = self.benchmark
        return {
            **self.averages,
            "views": {view.name: view.about for view in self.views},
            "benchmark": {
                "name": known.name,
                "title": known.title,
                "licence": known.licence,
                "citation": known.citation,
                "protocol": known.protocol,
            },
            "method": self.method.name,
            "oracle_prompt": self.method.oracle,
            "untrained_prompt": self.method.untrained,
            "training": list(self.budgets),
            "marks": list(self.marks),
            "parts": [asdict(part) for part in self.parts],
            "cases": len(self.items),
            "failed": len(self.failures),
            "failures": self.failures,
            "seeds": len(self.outcomes),
            "bootstrap": {"resamples": RESAMPLES, "seed": self.seed, "over": "groups" if groups else "cases"},
            "provenance": [outcome.summary["provenance"] for outcome in self.outcomes],
        }

    def table(self) -> str:
        """Returns what `table.md` holds."""
        spent = in_words(self.budgets)
        trained = "" if spent == "none" else f"Training: {spent} parameters."
        return markdown(
            self.benchmark, self.averages, self.views, self.method.name, self.parts, self.marks, note=trained
        )

    def write(self, out: Path) -> None:
        """Writes `summary.json`, `cases.csv`, `table.md` and the folder `pictures` into `out`.

        Raises:
            ResourceError: where the disk is full.
        """
        write_json(out / "summary.json", self.summary())
        write_text(out / "cases.csv", self._cases())
        write_text(out / "table.md", self.table())
        gallery = self.outcomes[0].report.gallery
        if gallery is not None:
            for kind, exhibits in (
                ("worst", gallery.worst()),
                ("best", gallery.best()),
                ("drawn", gallery.by_chance()),
            ):
                for name, data in _pictures(kind, exhibits):
                    write_bytes(out / "pictures" / name, data)

    def _cases(self) -> str:
        stream = StringIO()
        writer = csv.writer(stream, lineterminator="\n")
        columns = [(view, measure) for view in self.views for measure in view.measures]
        names = [f"{view.name}:{measure.name}" for view, measure in columns]
        writer.writerow(["id", "split", "group", "clip", "seed", *names, "content", "error"])
        for number, outcome in enumerate(self.outcomes):
            for item, case in zip(self.items, outcome.report.cases, strict=True):
                scores = [
                    measure.of_case(outcome.scores[view.name][item.id][measure.name]) for view, measure in columns
                ]
                known = [writable(cell or "") for cell in (item.id, item.split, item.group, item.clip)]
                writer.writerow(
                    [*known, number, *(f"{one:.6g}" for one in scores), case.content or "", case.error or ""]
                )
        return stream.getvalue()


def _pictures(kind: str, exhibits: list[Exhibit]) -> Iterator[tuple[str, bytes]]:
    for rank, exhibit in enumerate(exhibits, start=1):
        name = re.sub(r"[^\w.-]+", "_", exhibit.case.id)[-60:]
        for number, picture in enumerate(exhibit.pictures, start=1):
            step = f"-{number}" if len(exhibit.pictures) > 1 else ""
            yield f"{kind}-{rank}{step}-{name}{_SUFFIXES[picture.kind]}", picture.data
