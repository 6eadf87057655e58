"""Predictions of many files: read, predicted and written, each stage beside the others."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import numpy as np

from autosam.core.ahead import ahead
from autosam.core.errors import AutoSAMError, ResourceError, UsageError
from autosam.core.files import write_text
from autosam.core.progress import Progress, Silent
from autosam.core.sample import Sample
from autosam.data.images import read_image
from autosam.data.inputs import find_images
from autosam.inference.model import Model
from autosam.inference.prediction import Prediction, write_image

_WRITING = 4


@dataclass(frozen=True, slots=True)
class Row:
    """A line of predictions.csv.

    Attributes:
        file: the image's file.
        id: its name in the output folder.
        width: in pixels.
        height: in pixels.
        area_share: share of the image that is foreground, 0..1.
        parts: number of 8-connected components.
        confidence: see `Prediction.confidence`.
        seconds: time of the prediction.
        error: why there is no mask; empty where there is one.
    """

    file: str
    id: str
    width: int | None = None
    height: int | None = None
    area_share: float | None = None
    parts: int | None = None
    confidence: float | None = None
    seconds: float | None = None
    error: str = ""


def predict_files(
    model: Model,
    inputs: Sequence[str | Path],
    out: str | Path,
    *,
    probabilities: bool = False,
    progress: Progress | None = None,
) -> list[Row]:
    """Writes masks and overlays of files and folders, and a table of them.

    `out` then holds masks/ID.png (0 and 255, the image's own size), overlays/ID.png, predictions.csv and, where asked
    for, probabilities/ID.png (16 bit, 65535 is 1). A file that cannot be read or predicted is listed and passed over.

    Args:
        model: what predicts.
        inputs: files and folders; the sub-folders of a folder are kept.
        out: a folder that is new or empty.
        probabilities: whether to write probabilities.
        progress: told of every file.

    Returns:
        A row a file, in order.

    Raises:
        UsageError: where `out` holds something already.
        DataError: where an input is not there, or a folder holds no image.
        ResourceError: where the disk is full.
    """
    folder, progress = Path(out), progress or Silent()
    images = find_images([Path(one) for one in inputs])
    claim(folder)
    rows: list[Row] = []
    waiting: list[Future[Row]] = []
    progress.start("predicting", len(images))
    with ThreadPoolExecutor(1) as writer:
        try:
            for (_, file), sample in zip(images, ahead(_read, images), strict=True):
                if isinstance(sample, Row):
                    waiting.append(writer.submit(lambda row=sample: row))  # type: ignore[misc]
                else:
                    waiting.append(_predict(model, sample, file, folder, probabilities, writer))
                if len(waiting) > _WRITING:
                    rows.append(_done(waiting.pop(0), progress))
            while waiting:
                rows.append(_done(waiting.pop(0), progress))
        finally:
            rows += [late.result() for late in waiting if not late.cancelled() and late.exception() is None]
            write_table(folder / "predictions.csv", rows)
    return rows


def claim(folder: Path) -> None:
    """Makes an output folder.

    Raises:
        UsageError: where it holds something already, or is a file.
    """
    if folder.exists() and not folder.is_dir():
        raise UsageError("is a file", file=folder, cure="Give --out a folder")
    if folder.is_dir() and any(folder.iterdir()):
        raise UsageError("is not empty; nothing is overwritten", file=folder, cure="Give another --out")
    folder.mkdir(parents=True, exist_ok=True)


def _read(entry: tuple[str, Path]) -> Sample | Row:
    name, file = entry
    try:
        return Sample(name, read_image(file), file=file)
    except AutoSAMError as fault:
        return Row(str(file), name, error=fault.message)
    except OSError as fault:
        return Row(str(file), name, error=f"{file}: {fault.strerror or fault}")


def _predict(
    model: Model, sample: Sample, file: Path, folder: Path, probabilities: bool, writer: ThreadPoolExecutor
) -> Future[Row]:
    prediction = model.predict(sample)
    return writer.submit(_write, prediction, file, folder, probabilities)


def _write(prediction: Prediction, file: Path, folder: Path, probabilities: bool) -> Row:
    name = f"{prediction.id}.png"
    prediction.save(folder / "masks" / name)
    write_image(folder / "overlays" / name, prediction.overlay())
    if probabilities:
        write_image(folder / "probabilities" / name, np.rint(prediction.probability * 65535).astype(np.uint16))
    height, width = prediction.probability.shape
    return Row(
        file=str(file),
        id=prediction.id,
        width=width,
        height=height,
        area_share=round(prediction.area_share, 6),
        parts=prediction.parts,
        confidence=round(prediction.confidence, 4),
        seconds=round(prediction.seconds, 3),
    )


def _done(future: Future[Row], progress: Progress) -> Row:
    try:
        row = future.result()
    except MemoryError as fault:
        raise ResourceError("out of memory", cure="Predict smaller images, or close other programs") from fault
    if row.error:
        progress.say(f"skipped: {row.error}")
    progress.advance()
    return row


def write_table(file: Path, rows: Sequence[Row]) -> None:
    """Writes rows as CSV."""
    table = io.StringIO()
    writer = csv.DictWriter(table, [field.name for field in fields(Row)], lineterminator="\n")
    writer.writeheader()
    writer.writerows(asdict(row) for row in rows)
    write_text(file, table.getvalue())
