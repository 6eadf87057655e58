"""A method scored on the test images of a copy, under several views at once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from autosam.benchmarks.benchmark import Benchmark, Item, Labels
from autosam.benchmarks.contents import check_size
from autosam.benchmarks.method import Method, Predicted
from autosam.benchmarks.view import Scene, Scores, View
from autosam.core.progress import Progress
from autosam.core.sample import Sample
from autosam.data.foreground import Foreground
from autosam.data.images import read_image
from autosam.evaluation.evaluate import evaluate
from autosam.evaluation.report import Report
from autosam.inference.prediction import Prediction


@dataclass(frozen=True, eq=False)
class Outcome:
    """A method's scores.

    Attributes:
        report: of the view "standard" over all test images, with pictures.
        scores: per view and item's id.
    """

    report: Report
    scores: Mapping[str, Mapping[str, Scores]]

    @cached_property
    def summary(self) -> dict[str, Any]:
        """What the report says of itself."""
        return self.report.summary()


def score(
    benchmark: Benchmark, items: Sequence[Item], method: Method, views: Sequence[View], progress: Progress
) -> Outcome:
    """Predicts every item once and scores it under every view; one image is held at a time.

    A case that cannot be predicted is scored as an empty mask of probability 0 in every view, and listed in the report.

    Raises:
        DataError: where an image or a truth cannot be read.
    """
    rule = Foreground.parse(benchmark.foreground)
    scores: dict[str, dict[str, Scores]] = {view.name: {} for view in views}
    labels: dict[str, Labels] = {}
    clips = {item.id: item.clip for item in items}
    last: str | None = None

    def samples() -> Iterator[Sample]:
        for item in items:
            image = read_image(item.image)
            truth, _ = benchmark.read_truth(item.truth, (image.shape[0], image.shape[1]))
            check_size(item, truth.shape, image.shape)
            labels[item.id] = truth
            yield Sample(item.id, image, rule.binary(truth, item.truth), group=item.group, file=item.image)
            progress.advance()

    def predict(sample: Sample) -> Prediction:
        nonlocal last
        truth, clip = labels.pop(sample.id), clips[sample.id]
        if clip is None or clip != last:
            method.restart()
        last = clip
        try:
            predicted = method.predict(sample)
        except Exception:
            empty = np.zeros(sample.size, np.float32)
            note(_scene(sample, truth, Predicted(Prediction(sample.id, sample.rgb(), empty), empty)), sample.id)
            raise
        note(_scene(sample, truth, predicted), sample.id)
        return predicted.prediction

    def note(scene: Scene, name: str) -> None:
        for view in views:
            if view.score is not None:
                scores[view.name][name] = view.score(scene)

    progress.start(f"scoring {method.name}", len(items))
    provenance = {"benchmark": benchmark.name, "foreground": rule.text, "method": method.about}
    report = evaluate(samples(), predict, provenance=provenance)
    for view in views:
        if view.score is None:
            scores[view.name] = {item.id: case.scores for item, case in zip(items, report.cases, strict=True)}
    return Outcome(report, scores)


def _scene(sample: Sample, labels: Labels, predicted: Predicted) -> Scene:
    assert sample.mask is not None
    prediction = predicted.prediction
    return Scene(
        labels=labels,
        truth=sample.mask.astype(np.bool_, copy=False),
        probability=prediction.probability,
        mask=prediction.mask,
        objects=predicted.objects,
        values=predicted.values,
        gray=prediction.probability if predicted.gray is None else predicted.gray,
    )
