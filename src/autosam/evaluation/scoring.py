"""From a truth and what was predicted for it to a scored case."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from autosam.core.errors import DataError
from autosam.core.names import writable
from autosam.core.sample import Sample
from autosam.evaluation.case import Case, Failure
from autosam.inference.prediction import Prediction
from autosam.metrics import Metric

Mask = npt.NDArray[np.bool_]
Metrics = Mapping[str, Metric]


def truth_of(sample: Sample) -> Mask:
    """Returns the sample's truth, (H, W) bool.

    Raises:
        DataError: where it has none, or a label map that no rule has made binary.
    """
    if sample.mask is None:
        raise DataError("there is no truth to score against", file=sample.file or sample.id, cure="Add its mask")
    if sample.mask.dtype != np.bool_:
        raise DataError(
            "the truth is a label map, not a binary mask",
            file=sample.file or sample.id,
            cure="Say which labels are foreground",
        )
    return sample.mask.astype(np.bool_, copy=False)


def predicted_case(sample: Sample, prediction: Prediction, metrics: Metrics) -> Case:
    """Returns the scores of a prediction, and of the surrogate decoder's mask where there is one."""
    truth, mask, second = truth_of(sample), prediction.mask, prediction.surrogate
    # A mask that was given says nothing of how sure anybody was of it, nor of how long it took.
    graded = bool(((prediction.probability > 0) & (prediction.probability < 1)).any())
    surrogate = None if second is None else _scores(truth, second >= prediction.threshold, sample.spacing, metrics)
    return _case(
        sample,
        truth,
        _scores(truth, mask, sample.spacing, metrics),
        surrogate=surrogate,
        one_empty=bool(truth.any()) != bool(mask.any()),
        mask_share=prediction.area_share,
        confidence=prediction.confidence if graded else None,
        seconds=prediction.seconds or None,
    )


def failed_case(entry: Sample | Failure, error: str, metrics: Metrics) -> Case:
    """Returns the scores of an empty mask; the worst ones there are where not even the truth is known."""
    truth = truth_of(entry) if isinstance(entry, Sample) else entry.mask
    if truth is None:
        worst = {name: 0.0 for name, metric in metrics.items() if metric.direction == "higher"}
        return _case(entry, None, worst, error=writable(error))
    scores = _scores(truth, np.zeros_like(truth), entry.spacing, metrics)
    return _case(entry, truth, scores, error=writable(error), one_empty=bool(truth.any()))


def _case(entry: Sample | Failure, truth: Mask | None, scores: dict[str, float], **known: Any) -> Case:
    return Case(
        writable(entry.id),
        None if entry.group is None else writable(entry.group),
        None if entry.file is None else writable(str(entry.file)),
        None if truth is None else (truth.shape[0], truth.shape[1]),
        scores,
        unit="px" if entry.spacing is None else "mm",
        truth_share=None if truth is None else float(truth.mean()),
        **known,
    )


def _scores(truth: Mask, mask: Mask, spacing: tuple[float, float] | None, metrics: Metrics) -> dict[str, float]:
    return {name: metric(truth, mask, spacing) for name, metric in metrics.items()}
