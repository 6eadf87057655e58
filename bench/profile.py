"""What a graph's time goes into, kept as JSON beside what the benchmark's parts found."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Any

from autosam.core.files import write_json
from bench.machine import facts, kind
from bench.result import file_of

PART = "bounds"
SOFTMAX = "softmax"
WORK = ("linear layers", "attention", "convolutions", "depth-wise convolutions", "moves", "norms, sums and the rest")
"""Kinds of work, in the order that they are shown."""


@dataclass(frozen=True, slots=True)
class Profile:
    """One graph.

    Attributes:
        path: of the row that it is the graph of.
        seconds: of a call, the median.
        work: seconds by kind of work, medians of each operation added up.
        products: G multiply-adds by kind of work.
        exact: G multiply-adds of those that are done in float32 where the rest is in `precision`.
        weighed: G scores that attention turns into weights, by a softmax.
        precision: of the graph.
    """

    path: str
    seconds: float
    work: dict[str, float]
    products: dict[str, float]
    exact: float
    weighed: float
    precision: str


@dataclass(frozen=True, slots=True)
class Profiles:
    """The graphs of one run, and what the machine multiplied meanwhile.

    Attributes:
        graphs: in the order of measurement.
        paces: by precision, G multiply-adds a second of torch's product of two 4096 x 4096 matrices; as "softmax", G
            values a second of torch's, over rows of 4096 in float32 that the cache holds. One after each call of a
            graph.
    """

    graphs: list[Profile]
    paces: dict[str, list[float]]


def least_seconds(graph: Profile, paces: dict[str, float]) -> tuple[float, float]:
    """Returns what a graph's products alone would take at the machine's pace, and what its softmaxes would."""
    rest = sum(graph.products.values()) - graph.exact
    products = graph.exact / paces["float32"] + rest / paces[graph.precision]
    return products, graph.weighed / paces[SOFTMAX]


def keep_profiles(profiles: Profiles) -> None:
    """Writes the profiles, with the machine's facts, for the page."""
    write_json(file_of(PART, kind()), {"part": PART, "machine": facts(), **asdict(profiles)})


def read_profiles(of: str) -> tuple[dict[str, Any], Profiles] | None:
    """Returns the machine's facts and the profiles of a kind of CPU; None where there are none."""
    file = file_of(PART, of)
    if not file.is_file():
        return None
    content = json.loads(file.read_text(encoding="utf-8"))
    return content["machine"], Profiles([Profile(**one) for one in content["graphs"]], content["paces"])
