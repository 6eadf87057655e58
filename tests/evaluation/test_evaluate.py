"""Scores, their means and the files, over cases that are good, bad, empty and missing."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from autosam.core.errors import DataError, ModelError, ResourceError
from autosam.core.sample import Sample
from autosam.evaluation import Failure, Report, evaluate
from autosam.evaluation.case import Case
from autosam.evaluation.charts import MOST_DOTS
from autosam.inference.prediction import Prediction
from autosam.metrics import METRICS, dice, hd95

SIZE = (24, 36)


def disc(row: float, column: float, radius: float) -> np.ndarray:
    y, x = np.mgrid[: SIZE[0], : SIZE[1]]
    return (y - row) ** 2 + (x - column) ** 2 < radius**2


def sample(name: str, mask: np.ndarray | None, **known: object) -> Sample:
    image = np.random.default_rng(len(name)).integers(0, 255, (*SIZE, 3), np.uint8)
    return Sample(name, image, mask, **known)


def predictor(masks: dict[str, np.ndarray], *, extra: bool = False) -> Callable[[Sample], Prediction]:
    def predict(of: Sample) -> Prediction:
        if of.id not in masks:
            raise DataError("the frame is torn", file=of.id)
        soft = np.where(masks[of.id], 0.9, 0.1).astype(np.float32)
        prompt = np.random.default_rng(1).standard_normal((8, 6, 6)).astype(np.float32) if extra else None
        return Prediction(of.id, of.rgb(), soft, 0.5, prompt, 1 - soft if extra else None, 0.25)

    return predict


def report_of(count: int, *, extra: bool = False, **keywords: object) -> Report:
    samples = [sample(f"case {i}", disc(12, 10 + i % 9, 6), group=f"p{i // 2}") for i in range(count)]
    masks = {s.id: disc(12, 12, 6) for s in samples}
    return evaluate(samples, predictor(masks, extra=extra), **keywords)


def test_scores_are_the_metrics_of_the_masks() -> None:
    truth, mask = disc(12, 10, 6), disc(11, 14, 5)
    report = evaluate([sample("a", truth)], predictor({"a": mask}))
    assert report.cases[0].scores == {name: metric(truth, mask) for name, metric in METRICS.items()}
    summary = report.summary()
    assert summary["dice"]["mean"] == dice(truth, mask)
    assert summary["view"] == "standard" and summary["groups"] is None and "surrogate" not in summary


def test_means_intervals_and_groups() -> None:
    report = report_of(9)
    summary, values = report.summary(), [case.scores["dice"] for case in report.cases]
    low, high = summary["dice"]["ci95"]
    assert summary["dice"]["mean"] == pytest.approx(np.mean(values))
    assert min(values) <= low < summary["dice"]["mean"] < high <= max(values)
    assert (summary["cases"], summary["failed"], summary["groups"], summary["bootstrap"]["over"]) == (9, 0, 5, "groups")
    assert report_of(9).summary() == summary
    assert report_of(9, seed=1).summary()["dice"]["ci95"] != [low, high]


def test_a_case_without_a_prediction_is_an_empty_mask_and_is_listed() -> None:
    truth = disc(12, 10, 6)
    entries = [
        sample("good", truth),
        sample("torn", truth),
        Failure("cut", "the file is cut short", mask=truth),
        Failure("gone", "neither image nor mask"),
    ]
    summary = (report := evaluate(entries, predictor({"good": truth}))).summary()
    assert [case.scores["dice"] for case in report.cases] == [1, 0, 0, 0]
    assert summary["dice"]["mean"] == 0.25 and summary["dice"]["cases"] == 4
    diagonal = np.hypot(*SIZE)
    assert summary["hd95"]["mean"] == pytest.approx(2 * diagonal / 3)
    assert (summary["hd95"]["cases"], summary["hd95"]["at_diagonal"]) == (3, 2)
    assert summary["failed"] == 3
    assert {row["id"]: row["error"] for row in summary["failures"]} == {
        "torn": "torn: the frame is torn",
        "cut": "the file is cut short",
        "gone": "neither image nor mask",
    }


def test_one_convention_on_empty_masks() -> None:
    empty, some = np.zeros(SIZE, bool), disc(12, 10, 6)
    entries = [sample("both", empty), sample("truth", empty), sample("mask", some)]
    cases = evaluate(entries, predictor({"both": empty, "truth": some, "mask": empty})).cases
    assert [case.scores["dice"] for case in cases] == [1, 0, 0]
    assert [case.scores["hd95"] for case in cases] == [0, np.hypot(*SIZE), np.hypot(*SIZE)]
    assert [case.one_empty for case in cases] == [False, True, True]


def test_surrogate_is_scored_beside_and_failures_count_there_too() -> None:
    truth = disc(12, 10, 6)
    entries = [sample("a", truth), sample("b", ~truth), sample("torn", truth)]
    summary = evaluate(entries, predictor({"a": truth, "b": truth}, extra=True)).summary()
    assert summary["dice"]["mean"] == pytest.approx(1 / 3)
    assert summary["surrogate"]["dice"]["mean"] == pytest.approx(1 / 3)
    assert summary["surrogate"]["dice"]["cases"] == 3


def test_distances_in_millimetres_where_spacing_is_known_and_never_mixed() -> None:
    truth, mask = disc(12, 10, 6), disc(12, 20, 6)
    known, unknown = sample("a", truth, spacing=(0.5, 0.25)), sample("b", truth)
    predict = predictor({"a": mask, "b": mask})
    summary = evaluate([known], predict).summary()
    assert (summary["hd95"]["unit"], summary["hd95"]["mean"]) == ("mm", hd95(truth, mask, (0.5, 0.25)))
    mixed = evaluate([known, unknown], predict).summary()
    assert (mixed["hd95"]["unit"], mixed["hd95"]["mean"]) == ("mixed", None)
    assert mixed["dice"]["mean"] == dice(truth, mask)


@pytest.mark.parametrize(
    ("probability", "said"),
    [
        (np.zeros((4, 4), np.float32), "shape"),
        (np.full(SIZE, np.nan, np.float32), "outside"),
        (np.full(SIZE, 1.5, np.float32), "outside"),
    ],
)
def test_an_impossible_prediction_is_an_error_of_its_case(probability: np.ndarray, said: str) -> None:
    report = evaluate([sample("a", disc(12, 10, 6))], lambda of: Prediction(of.id, of.rgb(), probability))
    assert said in (report.cases[0].error or "") and report.cases[0].scores["dice"] == 0


@pytest.mark.parametrize("fault", [ModelError("bad weights"), ResourceError("no memory"), MemoryError()])
def test_what_concerns_every_case_ends_it(fault: Exception) -> None:
    def predict(_: Sample) -> Prediction:
        raise fault

    with pytest.raises(type(fault)):
        evaluate([sample("a", disc(12, 10, 6))], predict)


@pytest.mark.parametrize("mask", [None, np.ones(SIZE, np.uint8)])
def test_refuses_a_sample_without_binary_truth(mask: np.ndarray | None) -> None:
    with pytest.raises(DataError):
        evaluate([sample("a", mask)], predictor({}))


def test_refuses_no_cases() -> None:
    with pytest.raises(DataError, match="no case"):
        evaluate([], predictor({}))


def test_hash_of_the_data_knows_content_not_order() -> None:
    first, second = sample("a", disc(12, 10, 6)), sample("bb", disc(12, 11, 6))
    predict = predictor({"a": disc(12, 10, 6), "bb": disc(12, 10, 6)})

    def hashed(*samples: Sample) -> str:
        return evaluate(list(samples), predict).provenance["data"]["sha256"]

    assert hashed(first, second) == hashed(second, first)
    assert hashed(first, second) != hashed(first, second.with_mask(disc(12, 12, 6)))


def test_files(tmp_path: Path) -> None:
    report = report_of(15, extra=True, provenance={"model": {"file": tmp_path / "m", "rate": float("nan")}})
    report.write(tmp_path / "out")
    assert {file.name for file in (tmp_path / "out").iterdir()} == {"cases.csv", "summary.json", "report.html"}
    assert json.loads((tmp_path / "out/summary.json").read_text()) == report.summary()
    rows = list(csv.DictReader((tmp_path / "out/cases.csv").open()))
    assert [row["id"] for row in rows] == [case.id for case in report.cases]
    assert np.mean([float(row["dice"]) for row in rows]) == pytest.approx(report.summary()["dice"]["mean"], abs=1e-5)
    assert "surrogate_hd95" in rows[0]


class Tags(HTMLParser):
    """Collects tags with their attributes and the text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.words += data


@pytest.mark.parametrize("count", [1, 2, 5, 15])
def test_page_is_whole_and_needs_nothing_from_elsewhere(tmp_path: Path, count: int) -> None:
    report_of(count, extra=True).write(tmp_path)
    text = (tmp_path / "report.html").read_text()
    page = Tags(text)
    links = [value for _, attrs in page.tags for name, value in attrs.items() if name in ("src", "href", "data")]
    assert links and all((link or "").startswith("data:image/") for link in links)
    assert not re.search(r"@import|url\(|https?://", text)
    assert len(text) < 6_000_000
    assert page.words.count("Worst cases") == 1 and page.words.count("How the prompt works") == 1
    shown = [attrs for tag, attrs in page.tags if tag == "figure" and attrs.get("class") == "exhibit"]
    assert len(shown) == min(12, count)


def test_names_and_errors_cannot_become_markup(tmp_path: Path) -> None:
    bad = '<script>alert("x")</script>'
    truth = disc(12, 10, 6)
    entries = [sample(bad, truth, group=bad), Failure(bad + "2", bad), sample("odd \udcff name", truth)]
    predict = predictor({bad: truth, "odd \udcff name": truth}, extra=True)
    evaluate(entries, predict, provenance={bad: bad}).write(tmp_path)
    page = Tags((tmp_path / "report.html").read_text())
    assert [tag for tag, _ in page.tags].count("script") == 1
    assert bad in page.words and "odd \\udcff name" in page.words


def test_pictures_and_surfaces_can_be_left_out(tmp_path: Path) -> None:
    report = report_of(3, keep_pictures=False, metrics=("dice", "iou"))
    report.write(tmp_path)
    assert set(report.cases[0].scores) == {"dice", "iou"} and report.gallery is None
    assert "<img" not in (tmp_path / "report.html").read_text()


def test_a_card_says_why_a_number_or_an_interval_is_missing(tmp_path: Path) -> None:
    def cards(units: tuple[Any, ...], groups: tuple[str | None, ...], hd95: dict[str, float]) -> str:
        cases = [
            Case(str(i), group, None, (8, 8), {"dice": 0.5, **hd95}, unit=unit)
            for i, (unit, group) in enumerate(zip(units, groups, strict=True))
        ]
        Report(cases, metrics={name: METRICS[name] for name in ("dice", "hd95")}).write(tmp_path)
        return (tmp_path / "report.html").read_text()

    assert 'class="interval">no common mean of px and mm<' in cards(("px", "mm"), (None, None), {"hd95": 3.0})
    assert 'class="interval">no case has a value<' in cards(("px", "px"), (None, None), {})
    assert cards(("px", "px"), ("a", "a"), {"hd95": 3.0}).count('class="interval">one group: no interval<') == 2
    # Its numbers are one piece that may stand below the words where a card is narrow.
    assert cards(("px", "px"), (None, None), {"hd95": 3.0}).count('class="interval">95 % CI <span>') == 2


def test_a_page_of_many_cases_says_how_many_dots_it_shows(tmp_path: Path) -> None:
    for count, said in ((MOST_DOTS, "A dot is a case. "), (MOST_DOTS + 1, f"({MOST_DOTS} of the {MOST_DOTS + 1})")):
        cases = [Case(str(i), None, None, (8, 8), {"dice": 0.5}) for i in range(count)]
        Report(cases, metrics={"dice": METRICS["dice"]}).write(tmp_path)
        assert said in (tmp_path / "report.html").read_text()
