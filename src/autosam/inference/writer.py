"""Predictions of many files: read, predicted and written, each stage beside the others."""

from __future__ import annotations

import hashlib
import json
import math
from collections import deque
from collections.abc import Generator, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from typing import Any

from autosam.core.ahead import ahead
from autosam.core.errors import Interrupted, UsageError
from autosam.core.files import last_change, sync_folder
from autosam.core.names import writable
from autosam.core.progress import Progress, Silent
from autosam.core.sample import Sample
from autosam.data.inputs import find_images, notes_on
from autosam.inference.claim import claimed
from autosam.inference.model import Model
from autosam.inference.prediction import Prediction
from autosam.inference.stages import Image, predict, read, write
from autosam.inference.table import Row, append_row, read_rows, write_rows

TABLE = "predictions.csv"
# Predictions that wait to be written: so many, and so many pixels, so that memory does not grow with their number.
_WRITING, _WRITING_PIXELS = 6, 32_000_000
# Fewer are predicted before a graph for several at a time is ready.
_MANY = 16
# Compressing two large images takes longer than predicting them where the CPU multiplies fast.
_WRITERS = 2


def predict_files(
    model: Model,
    inputs: Sequence[str | Path],
    out: str | Path,
    *,
    probabilities: bool = False,
    resume: bool = False,
    progress: Progress | None = None,
) -> list[Row]:
    """Writes masks and overlays of files and folders, and a table of them.

    `out` then holds masks/ID.png (0 and 255, the image's own size), overlays/ID.png, predictions.csv, predict.json
    (what they were made with) and, where asked for, probabilities/ID.png (16 bit, 65535 is 1). Each file is whole or
    absent whenever the process ends. A file that cannot be read or predicted is listed and passed over.

    Args:
        model: what predicts.
        inputs: files and folders; the sub-folders of a folder are kept.
        out: a folder that is new or empty.
        probabilities: whether to write probabilities.
        resume: go on in an `out` that was begun with the same model and options: what failed, what is not there and
            what is older than its image is made.
        progress: told of every file.

    Returns:
        A row a file, in order.

    Raises:
        UsageError: where `out` holds something already; with `resume`, something else than this model made of these
            inputs.
        DataError: where an input is not there, or a folder holds no image.
        ResourceError: where the disk is full.
        Interrupted: where Ctrl-C or SIGTERM stopped it; what was done is kept.
    """
    folder, progress = Path(out), progress or Silent()
    given = [Path(one) for one in inputs]
    images = find_images(given)
    for note in notes_on(given):
        progress.say(f"note: {note}")
    if len(images) >= _MANY:
        model = model.shared()
    with claimed(folder, options(model, probabilities), resume=resume):
        finished = _finished(folder, images, _kinds(probabilities))
        todo = [image for image in images if image[0] not in finished]
        if finished:
            progress.say(f"{len(finished)} of {len(images)} images are done already")
        write_rows(folder / TABLE, [finished[name] for name, _ in images if name in finished])
        progress.start("predicting", len(todo))
        try:
            for name, row in zip((name for name, _ in todo), _rows(model, todo, folder, probabilities), strict=True):
                finished[name] = row
                append_row(folder / TABLE, row)
                if row.error:
                    progress.say(f"skipped: {row.error}")
                progress.advance()
        except KeyboardInterrupt:
            raise Interrupted(
                f"stopped with {len(finished)} of {len(images)} images done; they are kept",
                file=folder,
                cure="Go on with --resume",
            ) from None
        rows = [finished[name] for name, _ in images]
        for place in {(folder / kind / name).parent for kind in _kinds(probabilities) for name in finished}:
            if place.is_dir():
                sync_folder(place)
        write_rows(folder / TABLE, rows)
        return rows


def _rows(model: Model, images: list[Image], folder: Path, probabilities: bool) -> Iterator[Row]:
    """Yields a row an image, in order, once its files are written.

    One image is read and several are written while others are predicted.
    """
    waiting: deque[tuple[Future[Row], int]] = deque()
    with ThreadPoolExecutor(_WRITERS) as writer, closing(_predicted(model, images)) as predicted:
        for file, made in predicted:
            pixels = made.probability.size if isinstance(made, Prediction) else 0
            waiting.append((writer.submit(write, made, file, folder, probabilities), pixels))
            while len(waiting) > _WRITING or sum(size for _, size in waiting) > _WRITING_PIXELS:
                yield waiting.popleft()[0].result()
        while waiting:
            yield waiting.popleft()[0].result()


def _predicted(model: Model, images: list[Image]) -> Generator[tuple[Path, Prediction | Row]]:
    """Yields each image's file and prediction in order; as many at a time are made as the model is for."""

    def one(found: tuple[Image, Sample | Row]) -> tuple[Path, Prediction | Row]:
        (_, file), sample = found
        return file, predict(model, sample, file)

    def pixels(found: tuple[Image, Sample | Row]) -> int:
        return math.prod(found[1].size) if isinstance(found[1], Sample) else 0

    samples = zip(images, ahead(read, images), strict=True)
    if model.at_once == 1:
        yield from map(one, samples)
        return
    with closing(ahead(one, samples, workers=model.at_once, alone=True, size=pixels, most=_WRITING_PIXELS)) as made:
        yield from made


def _kinds(probabilities: bool) -> tuple[str, ...]:
    return ("masks", "overlays", "probabilities") if probabilities else ("masks", "overlays")


def _finished(folder: Path, images: list[Image], kinds: tuple[str, ...]) -> dict[str, Row]:
    """Returns the rows by id that an earlier prediction finished, all their files there and newer than their image.

    Raises:
        UsageError: where it predicted other images.
    """
    rows = {row.id: row for row in read_rows(folder / TABLE)}
    own = {writable(name): (name, file) for name, file in images}
    finished: dict[str, Row] = {}
    for known, row in rows.items():
        name, file = own.get(known, (None, None))
        if name is None and row.error:
            # A file that was at fault left nothing, and its cure may have been to take it away.
            continue
        if name is None or file is None or writable(str(file.absolute())) != str(Path(row.file).absolute()):
            raise UsageError(
                f"it holds a prediction named {known} of {row.file}, which is not among these images",
                file=folder,
                cure="Resume with the same images, or give another --out",
            )
        files = [folder / kind / f"{name}.png" for kind in kinds]
        if not row.error and all(made.exists() for made in files) and files[0].stat().st_mtime >= last_change(file):
            finished[name] = row
    return finished


def options(model: Model, probabilities: bool) -> dict[str, Any]:
    """Returns everything that a prediction depends on besides its image."""
    predictor = model.predictor
    card = hashlib.sha256(json.dumps(asdict(model.card), sort_keys=True).encode()).hexdigest()
    return {
        "card": card,
        "encoder": model.encoder,
        "engine": predictor.masks.engine,
        "model": model.content,
        "probabilities": probabilities,
        "threshold": predictor.threshold,
        "mirror": predictor.mirror,
    }
