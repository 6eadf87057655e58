"""A folder of scores as `autosam evaluate` and `autosam benchmark` write it, read back."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from autosam.benchmarks.common_views import STANDARD
from autosam.benchmarks.names import BENCHMARKS
from autosam.benchmarks.view import View
from autosam.core.errors import DataError
from autosam.core.names import writable

Values = npt.NDArray[np.float64]

ALL = "all"
_CURE = "Give a folder that `autosam evaluate` or `autosam benchmark` wrote, whole"


@dataclass(frozen=True, slots=True)
class Row:
    """What a folder says of a case beside its scores.

    Attributes:
        split: the part of the test images it is of.
        group: patient, clip or slide; None where unknown.
        clip: the video clip it is a frame of; None for a still image.
        content: hash of image and truth; None in folders of older versions.
    """

    split: str = ALL
    group: str | None = None
    clip: str | None = None
    content: str | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Scored:
    """One method's scores.

    Attributes:
        name: of the method.
        folder: where they were read.
        benchmark: name of the benchmark; None for a data set of one's own.
        views: those it was scored under.
        about: what the folder says that each view does.
        cases: in the order of the folder.
        values: per (view, measure) an array (seeds, cases); NaN where a case has no value.
        content: hash over all images and truths.
        failed: cases without a prediction, of all seeds.
        untrained_prompt: whether its SAM was prompted in a way that it was never trained on.
        marks: what a reader must know before its numbers.
        averages: view -> part -> measure -> the folder's own mean and interval; empty for `autosam evaluate`.
    """

    name: str
    folder: Path
    benchmark: str | None
    views: tuple[View, ...]
    about: Mapping[str, str]
    cases: Mapping[str, Row]
    values: Mapping[tuple[str, str], Values]
    content: str | None
    failed: int = 0
    untrained_prompt: bool = False
    marks: tuple[str, ...] = ()
    averages: Mapping[str, Any] = field(default_factory=dict)

    @property
    def seeds(self) -> int:
        """Trainings that stand behind the scores."""
        return len(next(iter(self.values.values())))


def read_scored(folder: Path, name: str | None = None) -> Scored:
    """Returns the scores of a folder.

    Args:
        folder: holds cases.csv and summary.json.
        name: of the method; where None, what the summary says, or else the folder's name.

    Raises:
        DataError: where a file is missing or not as the two commands write it.
    """
    summary = _json(folder / "summary.json")
    header, rows = _table(folder / "cases.csv")
    try:
        known = _of_benchmark(summary) if "benchmark" in summary else _of_evaluation(summary)
        measures = [(view, measure) for view in known["views"] for measure in view.measures]
        prefix = "{view}:{measure}" if known["benchmark"] else "{measure}"
        columns = {
            (view.name, measure.name): column
            for view, measure in measures
            if (column := prefix.format(view=view.name, measure=measure.name)) in header
        }
        if not columns:
            raise DataError("it has no column of scores", file=folder / "cases.csv", cure=_CURE)
        cases, values = _values(rows, columns)
    except (KeyError, TypeError, ValueError, IndexError) as fault:
        raise DataError(f"not as it was written ({type(fault).__name__}: {fault})", file=folder, cure=_CURE) from fault
    title = writable(name or known.pop("title") or folder.resolve().name)
    known.pop("title", None)
    return Scored(name=title, folder=folder, cases=cases, values=values, failed=int(summary["failed"]), **known)


def _of_benchmark(summary: Mapping[str, Any]) -> dict[str, Any]:
    name = summary["benchmark"]["name"]
    if name not in BENCHMARKS:
        raise ValueError(f"unknown benchmark {name!r}")
    about = summary["views"]
    method = summary["method"]
    sources = summary["provenance"]
    contents = {source["data"]["sha256"] for source in sources}
    return {
        "title": method if isinstance(method, str) else method.get("name"),
        "benchmark": name,
        "views": tuple(BENCHMARKS[name].views[view] for view in about),
        "about": about,
        "content": contents.pop() if len(contents) == 1 else None,
        "untrained_prompt": any(_flagged(entry) for entry in (summary, method, *(s.get("method") for s in sources))),
        "marks": tuple(summary["marks"]),
        "averages": {view: summary[view] for view in about},
    }


def _of_evaluation(summary: Mapping[str, Any]) -> dict[str, Any]:
    source = summary["provenance"]
    if summary["view"] != STANDARD.name:
        raise ValueError(f"unknown view {summary['view']!r}")
    return {
        "title": source.get("predictions"),
        "benchmark": None,
        "views": (STANDARD,),
        "about": {STANDARD.name: STANDARD.about},
        "content": source["data"]["sha256"],
        "untrained_prompt": any(_flagged(entry) for entry in (summary, source, source.get("model"))),
        "marks": tuple(summary.get("marks", ())),
    }


def _flagged(entry: object) -> bool:
    """Whether an entry, or what it says of its method, has the mark; those of older versions have none."""
    if not isinstance(entry, Mapping):
        return False
    return entry.get("untrained_prompt") is True or _flagged(entry.get("about"))


def _values(
    rows: list[dict[str, str]], columns: Mapping[tuple[str, str], str]
) -> tuple[dict[str, Row], dict[tuple[str, str], Values]]:
    """Returns the cases, and per column an array (seeds, cases)."""
    by_seed: dict[str, dict[str, dict[str, str]]] = {}
    for row in rows:
        held = by_seed.setdefault(row.get("seed") or "0", {})
        if row["id"] in held:
            raise ValueError(f"the case {row['id']} stands there twice")
        held[row["id"]] = row
    first = next(iter(by_seed.values()))
    for seed, held in by_seed.items():
        if held.keys() != first.keys():
            raise ValueError(f"seed {seed} has other cases than the first")
    cases = {
        name: Row(
            row.get("split") or ALL, row.get("group") or None, row.get("clip") or None, row.get("content") or None
        )
        for name, row in first.items()
    }
    values = {
        key: np.array([[_number(held[name][column]) for name in first] for held in by_seed.values()])
        for key, column in columns.items()
    }
    return cases, values


def _number(cell: str) -> float:
    return float(cell) if cell else float("nan")


def _json(file: Path) -> dict[str, Any]:
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise DataError("there is no such file", file=file, cure=_CURE) from None
    except NotADirectoryError:
        raise DataError("is a file, not a folder of scores", file=file.parent, cure=_CURE) from None
    except (OSError, ValueError) as fault:
        raise DataError(f"cannot be read as JSON ({fault})", file=file, cure=_CURE) from fault
    if not isinstance(content, dict):
        raise DataError("holds no table of names and values", file=file, cure=_CURE)
    return content


def _table(file: Path) -> tuple[list[str], list[dict[str, str]]]:
    try:
        with file.open(encoding="utf-8", newline="") as stream:
            reader = csv.DictReader(stream)
            rows = list(reader)
    except FileNotFoundError:
        raise DataError("there is no such file", file=file, cure=_CURE) from None
    except (OSError, UnicodeDecodeError, csv.Error) as fault:
        raise DataError(f"cannot be read as a table ({fault})", file=file, cure=_CURE) from fault
    header = list(reader.fieldnames or ())
    if "id" not in header or not rows or any(None in row.values() or None in row for row in rows):
        raise DataError("not a whole table of cases", file=file, cure=_CURE)
    return header, rows
