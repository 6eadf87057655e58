"""The only producer of scores: cases in, a report out."""

from __future__ import annotations

import hashlib
import platform
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from importlib.metadata import version
from typing import Any

from autosam.core.checks import look_up
from autosam.core.errors import AutoSAMError, DataError, ModelError, ResourceError, UsageError
from autosam.core.memory import is_out_of_memory
from autosam.core.names import writable
from autosam.core.sample import Sample
from autosam.data.images import content_hash
from autosam.evaluation.calibration import Calibration
from autosam.evaluation.case import Case, Failure
from autosam.evaluation.gallery import Gallery
from autosam.evaluation.report import Report
from autosam.evaluation.scoring import failed_case, predicted_case, truth_of
from autosam.inference.prediction import Prediction
from autosam.metrics import METRICS


def evaluate(
    samples: Iterable[Sample | Failure],
    predict: Callable[[Sample], Prediction],
    *,
    provenance: Mapping[str, Any] | None = None,
    metrics: Iterable[str] = tuple(METRICS),
    keep_pictures: bool = True,
    seed: int = 0,
) -> Report:
    """Scores every case at its own size against its binary truth, in the view named "standard".

    A case that cannot be read or predicted is scored as an empty mask and listed with its error; only what concerns all
    cases alike (wrong usage, a bad model, no memory, a full disk) ends the evaluation. One image is held at a time.

    Args:
        samples: with a boolean mask (H, W) each; or what could not be read.
        predict: from a sample to its prediction, whose probability has the image's size.
        provenance: hashes, versions, configuration; goes into the report as it is, beside what is known here.
        metrics: their names; fewer are faster.
        keep_pictures: whether the report gets pictures of its worst and best cases by Dice.
        seed: of the bootstrap.

    Raises:
        DataError: where there is no case at all, or a sample has no boolean truth.
        UsageError: on an unknown metric.
    """
    chosen = {name: look_up(name, METRICS, "metric") for name in metrics}
    gallery = Gallery() if keep_pictures and "dice" in chosen else None
    cases: list[Case] = []
    calibration, content = Calibration(), _Content()
    for entry in samples:
        mark = content.add(entry)
        if isinstance(entry, Failure):
            cases.append(replace(failed_case(entry, entry.error, chosen), content=mark))
            continue
        truth = truth_of(entry)
        try:
            prediction = _checked(predict(entry), entry)
        except (UsageError, ModelError, ResourceError, MemoryError):
            raise
        except Exception as fault:
            if is_out_of_memory(fault):
                raise
            cases.append(replace(failed_case(entry, _said(fault), chosen), content=mark))
            continue
        case = replace(predicted_case(entry, prediction, chosen), content=mark)
        cases.append(case)
        calibration.add(prediction.probability, truth)
        if gallery is not None:
            gallery.offer(case, entry, truth, prediction)
    if not cases:
        raise DataError("there is no case to evaluate", cure="Name a folder with images and masks")
    known = {"data": content.summary(), "versions": _versions()}
    return Report(cases, {**known, **(provenance or {})}, chosen, calibration, gallery, seed)


def _checked(prediction: Prediction, sample: Sample) -> Prediction:
    where = sample.file or sample.id
    for name, values in (("prediction", prediction.probability), ("surrogate's prediction", prediction.surrogate)):
        if values is None:
            continue
        if values.shape != sample.size:
            raise DataError(f"the {name} has shape {values.shape}, the image {sample.size}", file=where)
        if not bool(((values >= 0) & (values <= 1)).all()):
            raise DataError(f"the {name} holds values outside 0..1", file=where)
    return prediction


def _said(fault: Exception) -> str:
    return fault.message if isinstance(fault, AutoSAMError) else f"{type(fault).__name__}: {fault}"


class _Content:
    """What was evaluated, as one hash that no order of the cases changes."""

    def __init__(self) -> None:
        self._lines: list[str] = []

    def add(self, entry: Sample | Failure) -> str:
        """Counts a case in, and returns the hash of its image and truth."""
        image = content_hash(entry.image) if isinstance(entry, Sample) else "unread"
        mask = "unread" if entry.mask is None else content_hash(entry.mask)
        self._lines.append(f"{writable(entry.id)}\t{image}\t{mask}\n")
        return hashlib.sha256(f"{image} {mask}".encode()).hexdigest()[:16]

    def summary(self) -> dict[str, Any]:
        return {"sha256": hashlib.sha256("".join(sorted(self._lines)).encode()).hexdigest(), "cases": len(self._lines)}


def _versions() -> dict[str, str]:
    return {"python": platform.python_version(), **{name: version(name) for name in ("numpy", "scipy", "torch")}}
