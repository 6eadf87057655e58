"""A run, or a folder of masks, scored on a data set: `autosam.evaluate(RUN, DATA)`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from autosam.core.errors import AutoSAMError, UsageError
from autosam.core.progress import Progress, Silent
from autosam.core.sample import Sample
from autosam.data.dataset import Dataset
from autosam.data.folder import find_pairs
from autosam.data.foreground import Foreground
from autosam.data.images import content_hash, read_mask
from autosam.evaluation.case import Failure
from autosam.evaluation.evaluate import evaluate
from autosam.evaluation.folder import predictions_from
from autosam.evaluation.report import Report
from autosam.inference.claim import claim
from autosam.inference.model import Model, load
from autosam.models.checkpoint import digest


def evaluate_run(
    run: str | Path | Model | None,
    data: str | Path,
    *,
    out: str | Path | None = None,
    predictions: str | Path | None = None,
    foreground: str | None = None,
    group: str | None = None,
    progress: Progress | None = None,
    **loading: Any,
) -> Report:
    """Scores every case of a data set at its own size, and writes the report.

    A case that cannot be read or predicted counts as an empty mask and is listed; a truth that cannot be read, or whose
    foreground is not plain, is an error.

    Args:
        run: the folder that training wrote, or a loaded model; None with `predictions`.
        data: folder or CSV of images and masks.
        out: a new or empty folder for cases.csv, summary.json and report.html; None writes nothing.
        predictions: a folder of masks to score in place of a run.
        foreground: rule that makes masks binary; where None, the one that the run was trained with.
        group: regular expression whose first group names a case's patient, clip or slide; intervals are over those.
        progress: told of every case.
        loading: further arguments of `autosam.load`.

    Raises:
        UsageError: where both or neither of `run` and `predictions` are given, or `out` holds something.
        DataError: for masks that cannot be used.
        ModelError: where the model or its SAM cannot be loaded.
    """
    if (run is None) == (predictions is None):
        raise UsageError("give a run or a folder of predictions, one of them")
    progress = progress or Silent()
    if out is not None:
        claim(Path(out))
    if predictions is not None:
        rule = Foreground.parse(foreground)
        predict = predictions_from(Path(predictions))
        provenance: dict[str, Any] = {"predictions": Path(predictions).name}
    else:
        model = run if isinstance(run, Model) else load(run or "", keep_prompt=True, **loading)
        rule = Foreground.parse(foreground or model.card.foreground)
        predict = model.predict
        provenance = {"model": _described(model, run), "encoder": model.encoder}
    cases = Dataset(find_pairs(Path(data), group=group).pairs, rule)
    provenance |= {"foreground": rule.text, "protocol": _PROTOCOL}
    progress.start("evaluating", len(cases))
    seen = _trained_on(run)
    leaked: list[str] = []
    report = evaluate(_samples(cases, progress, seen, leaked), predict, provenance=provenance)
    if leaked:
        more = f" and {len(leaked) - 5} more" if len(leaked) > 5 else ""
        progress.say(
            f"warning: {len(leaked)} of {len(cases)} images are among those that the run was trained on, and score too "
            f"well: {', '.join(leaked[:5])}{more}"
        )
    if out is not None:
        progress.start("writing the report")
        report.write(Path(out))
    return report


_PROTOCOL = (
    "standard: foreground is where the probability reaches the threshold, at the image's own size, against the binary "
    "truth; both empty scores 1, one empty 0; the mean is over cases"
)


def _described(model: Model, run: str | Path | Model | None) -> dict[str, Any]:
    card = model.card
    known = {
        "method": card.method,
        "sam": card.sam,
        "sam_sha256": card.sam_fingerprint,
        "prompt_encoder": card.prompt_encoder,
        "size": card.size,
        "tile": card.tile,
        "mapping": card.mapping,
        "threshold": card.threshold,
        "mirror": model.predictor.mirror,
        "training": card.training,
    }
    return known if isinstance(run, Model) or run is None else {**known, "sha256": digest(Path(run))}


def _trained_on(run: str | Path | Model | None) -> frozenset[str]:
    """Returns the content hashes of the images that a run says it was trained on; none where it says nothing."""
    if run is None or isinstance(run, Model):
        return frozenset()
    folder = Path(run)
    try:
        told = json.loads(((folder if folder.is_dir() else folder.parent) / "data.json").read_text(encoding="utf-8"))
        return frozenset(told["train"].values())
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return frozenset()


def _samples(cases: Dataset, progress: Progress, seen: frozenset[str], leaked: list[str]) -> Iterator[Sample | Failure]:
    for index in range(len(cases)):
        try:
            entry: Sample | Failure = cases.read(index)
            if seen and isinstance(entry, Sample) and content_hash(entry.image) in seen:
                leaked.append(entry.id)
        except AutoSAMError as fault:
            pair = cases.pairs[index]
            mask = None if pair.mask is None else cases.foreground.binary(read_mask(pair.mask), pair.mask)
            progress.say(f"skipped: {fault.message}")
            entry = Failure(pair.id, fault.message, mask, pair.group, str(pair.image))
        yield entry
        progress.advance()
