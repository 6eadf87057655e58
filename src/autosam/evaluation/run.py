"""A run, or a folder of masks, scored on a data set: `autosam.evaluate(RUN, DATA)`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from autosam.core.errors import DataError, UsageError
from autosam.core.names import writable
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
from autosam.evaluation.seen import seen_by
from autosam.inference.claim import claim
from autosam.inference.model import Model, load
from autosam.models.checkpoint import digest

# Of seen images that a mark names.
_SHOWN = 5
# What the command line gives where nothing was said; a threshold of 0 is no False.
_DEFAULTS = ("auto", "sam")


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

    A case whose image cannot be read or predicted counts as an empty mask and is listed; a truth that cannot be read,
    is not of the image's size, or whose foreground is not plain, is an error. Images that a run was trained or
    validated on, by the record in its folder, are a mark in the report.

    Args:
        run: the folder that training wrote, or a loaded model; None with `predictions`.
        data: folder or CSV of images and masks.
        out: a new or empty folder for cases.csv, summary.json and report.html; None writes nothing.
        predictions: a folder of masks to score in place of a run; 0 in them is background, one other value foreground.
        foreground: rule that makes masks binary; where None, the one that the run was trained with.
        group: regular expression whose first group names a case's patient, clip or slide; intervals are over those.
        progress: told of every case.
        loading: further arguments of `autosam.load`.

    Returns:
        The scores, whose `summary()` is what summary.json holds.

    Raises:
        UsageError: where both or neither of `run` and `predictions` are given, `out` holds something, or an argument of
            `autosam.load` stands beside `predictions` or a loaded model.
        DataError: for truths that cannot be used.
        ModelError: where the model or its SAM cannot be loaded.
    """
    if (run is None) == (predictions is None):
        raise UsageError("give a run or a folder of predictions, one of them")
    progress = progress or Silent()
    with claim(None if out is None else Path(out)):
        if predictions is not None:
            _refuse(loading, "the predictions are made already")
            rule = Foreground.parse(foreground)
            predict = predictions_from(Path(predictions))
            provenance: dict[str, Any] = {"predictions": writable(Path(predictions).name)}
            source = None
        else:
            if isinstance(run, Model):
                _refuse(loading, "this one is loaded already")
            model = run if isinstance(run, Model) else load(run or "", keep_prompt=True, **loading)
            rule = Foreground.parse(foreground or model.card.foreground)
            predict = model.predict
            provenance = {"model": _described(model, run), "encoder": model.encoder}
            source = model.run
        pairing = find_pairs(Path(data), group=group)
        for note in pairing.notes:
            progress.say(f"note: {note}")
        cases = Dataset(pairing.pairs, rule)
        provenance |= {"foreground": rule.text, "protocol": _PROTOCOL}
        progress.start("evaluating", len(cases))
        record = None if source is None else seen_by(source)
        seen: list[str] = []
        report = evaluate(_samples(cases, progress, record or {}, seen), predict, provenance=provenance)
        empty = sum(case.truth_share == 0 for case in report.cases)
        marks = []
        if empty == len(cases):
            marks.append(_no_foreground(len(cases), rule))
        elif empty:
            progress.say(f"note: {empty} of {len(cases)} truths are empty; an empty mask scores 1 there, any other 0")
        if source is not None and record is None:
            marks.append(_UNKNOWN)
        if seen:
            marks.append(_seen(seen, len(cases)))
        report = replace(report, marks=tuple(marks))
        for mark in marks:
            progress.say(f"warning: {mark}")
        if out is not None:
            progress.start("writing the report")
            report.write(Path(out))
    return report


_PROTOCOL = (
    "standard: foreground is where the probability reaches the threshold, at the image's own size, against the binary "
    "truth; both empty scores 1, one empty 0; the mean is over cases"
)


_UNKNOWN = (
    "TRAINING IMAGES UNKNOWN: data.json is missing beside the checkpoint, so that nobody can say whether it has seen "
    "these images"
)


def _no_foreground(count: int, rule: Foreground) -> str:
    return (
        f"NO FOREGROUND: not one of these {count} truths has foreground by the rule {rule.text!r}, so that an empty "
        "mask is perfect. Look at their values (autosam data check)"
    )


def _seen(names: Sequence[str], count: int) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return (
        f"SEEN IN TRAINING: the run has seen {len(names)} of these {count} images, which score too "
        f"well: {', '.join(names[:_SHOWN])}{more}"
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
        "quantised": card.quantised,
        "mirror": model.predictor.mirror,
        "training": card.training,
    }
    return known if isinstance(run, Model) or run is None else {**known, "sha256": digest(Path(run))}


def _refuse(loading: Mapping[str, Any], why: str) -> None:
    """Refuses what would be silently ignored."""
    named = [name for name, value in loading.items() if not (value is None or value is False or value in _DEFAULTS)]
    if named:
        flag = f"--{named[0].replace('_', '-')}"
        raise UsageError(f"{flag} is of a run, and {why}", cure=f"Leave {flag} away")


def _samples(
    cases: Dataset, progress: Progress, record: Mapping[str, str], seen: list[str]
) -> Iterator[Sample | Failure]:
    """Yields the cases; adds to `seen` the names, as `record` has them by content, of images that are there."""
    for index, pair in enumerate(cases.pairs):
        try:
            entry: Sample | Failure = cases.read(index)
        except DataError as fault:
            # A truth that is at fault is nobody's prediction, and an image that cannot be read is of no known size.
            if fault.file != str(pair.image):
                raise
            mask = None if pair.mask is None else cases.foreground.binary(read_mask(pair.mask), pair.mask)
            progress.say(f"skipped: {fault.message}")
            entry = Failure(pair.id, fault.message, mask, pair.group, str(pair.image))
        if record and isinstance(entry, Sample) and (name := record.get(content_hash(entry.image))):
            seen.append(f"{entry.id} = {name}")
        yield entry
        progress.advance()
