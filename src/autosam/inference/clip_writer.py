"""Predictions of many clips: masks, a table of frames and an overlay video each, whatever their length."""

from __future__ import annotations

from collections import deque
from collections.abc import Generator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, closing
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import numpy.typing as npt

from autosam.core.errors import DataError, Interrupted
from autosam.core.files import written
from autosam.core.names import writable
from autosam.core.progress import Progress, Silent
from autosam.core.sample import Sample
from autosam.data.clips import find_clips
from autosam.data.inputs import notes_on
from autosam.data.overlay import overlay
from autosam.data.video import Clip, ClipFrame, frame_rate, open_clip
from autosam.data.video_writer import VideoWriter
from autosam.inference.claim import claimed
from autosam.inference.clip_folder import ClipFolder, seconds
from autosam.inference.clip_table import CLIPS, ClipRow, FrameRow
from autosam.inference.halves import no_prompt
from autosam.inference.model import Model
from autosam.inference.video import ClipPredictor, FramePrediction, read_ahead
from autosam.inference.writer import options
from autosam.models.rivals import AUTOSAM

Size = tuple[int, int]

TABLE = "clips.csv"
# Frames that wait to be written: so many, and so many pixels, so that memory does not grow with the clip.
_WRITING, _WRITING_PIXELS = 4, 32_000_000


def predict_clips(
    model: Model,
    inputs: Sequence[str | Path],
    out: str | Path,
    *,
    temporal: float = 0.0,
    rate: float | None = None,
    probabilities: bool = False,
    resume: bool = False,
    progress: Progress | None = None,
) -> list[ClipRow]:
    """Writes masks, an overlay video and a table for each clip, frame by frame in order and in time.

    `out` then holds masks/CLIP/000123.png (0 and 255, the frame's own size; of a folder of frames, by the frame's own
    name), overlays/CLIP.mp4, frames/CLIP.csv, clips.csv, predict.json (what they were made with) and, where asked for,
    probabilities/CLIP/000123.png (16 bit). Each file is whole or absent whenever the process ends, and memory does not
    grow with a clip's length. Of a clip that is cut or damaged, what can be decoded is done, and the rest is told.

    Args:
        model: what predicts.
        inputs: videos, folders of videos and folders of frames; see `autosam.data.clips.find_clips`.
        out: a folder that is new or empty.
        temporal: share of the frames before in g's dense prompt, 0 to below 1; 0 takes each frame for itself.
        rate: frames a second of folders of frames, from which these get their times.
        probabilities: whether to write probabilities.
        resume: go on in an `out` that was begun with the same model, options and clips: the frames that failed, are not
            there or are older than their clip. With `temporal` an unfinished clip is begun anew, since each of its
            frames depends on all before it.
        progress: told of every frame.

    Returns:
        A row a clip, in order.

    Raises:
        UsageError: where `out` holds something already; with `resume`, something else than this; for a share or a rate
            that cannot be, or a share where the model has no dense prompt; where PyAV is not installed.
        DataError: where an input is not there, or a folder holds no clip.
        ResourceError: where the disk is full.
        Interrupted: where Ctrl-C or SIGTERM stopped it; what was done is kept.
    """
    folder, progress = Path(out), progress or Silent()
    if temporal and model.card.method != AUTOSAM:
        raise no_prompt()
    predictor, speed = ClipPredictor(model.predictor, temporal), frame_rate(rate)
    given = [Path(one) for one in inputs]
    clips = find_clips(given)
    for note in notes_on(given, clips=True):
        progress.say(f"note: {note}")
    made_with = {
        **options(model, probabilities),
        "temporal": float(temporal),
        "rate": None if speed is None else str(speed),
        "clips": {writable(name): writable(str(file)) for name, file in clips},
    }
    rows: list[ClipRow] = []
    with claimed(folder, made_with, resume=resume):
        known = {row.id: row for row in CLIPS.read(folder / TABLE)}
        CLIPS.write(folder / TABLE, list(known.values()))
        for name, file in clips:
            place = ClipFolder(folder, name, file, probabilities)
            row = known.get(writable(name))
            if row is not None and place.whole(row):
                progress.say(f"{name}: all {row.frames} frames are done already")
            else:
                try:
                    row = _Job(predictor, place, speed, progress, anew=temporal != 0).run()
                except KeyboardInterrupt:
                    raise Interrupted(
                        f"stopped in {name} after {len(rows)} of {len(clips)} clips; what was done is kept",
                        file=folder,
                        cure="Go on with --resume",
                    ) from None
                CLIPS.append(folder / TABLE, row)
            rows.append(row)
            if row.error:
                progress.say(f"skipped: {row.error}")
        CLIPS.write(folder / TABLE, rows)
    return rows


class _Job:
    """One clip: read, predicted and written, each stage beside the others."""

    def __init__(
        self, predictor: ClipPredictor, place: ClipFolder, rate: Fraction | None, progress: Progress, *, anew: bool
    ) -> None:
        self._predictor, self._place, self._rate, self._progress = predictor, place, rate, progress
        self._anew = anew
        self._video: VideoWriter | None = None
        self._shown: npt.NDArray[np.uint8] | None = None
        self._unshown: list[float | None] = []

    def run(self) -> ClipRow:
        """Predicts and writes what is missing."""
        place = self._place
        clip_row = ClipRow(writable(str(place.file)), writable(place.name))
        place.begin(anew=self._anew)
        self._predictor.restart()
        with ExitStack() as files:
            try:
                with open_clip(place.file, self._rate) as clip:
                    clip_row = replace(clip_row, rate=None if clip.rate is None else round(float(clip.rate), 6))
                    self._progress.start(f"predicting {place.name}", clip.count)
                    with closing(self._rows(clip, files)) as rows:
                        for row, size in rows:
                            place.add(row)
                            clip_row = _counted(clip_row, row, size)
                            if row.error:
                                self._progress.say(f"skipped: {row.error}")
                            self._progress.advance()
            except DataError as fault:
                clip_row = replace(clip_row, error=writable(fault.message))
            if self._video is not None:
                self._video.close()
        place.end(clip_row.frames)
        return clip_row

    def _rows(self, clip: Clip, files: ExitStack) -> Generator[tuple[FrameRow, Size | None], None, None]:
        """Yields a row a frame, in order, once its files are written and its picture is in the overlay."""
        waiting: deque[tuple[Future[tuple[FrameRow, Size | None]], int]] = deque()
        broken: DataError | None = None
        with ThreadPoolExecutor(1) as writer:
            try:
                with closing(read_ahead(clip)) as frames:
                    for frame in frames:
                        known = self._place.known(frame)
                        made = FramePrediction(frame, None) if known else self._predicted(frame)
                        pixels = 0 if frame.image is None else frame.image.shape[0] * frame.image.shape[1]
                        waiting.append((writer.submit(self._write, made, known, clip.rate, files), pixels))
                        while len(waiting) > _WRITING or sum(size for _, size in waiting) > _WRITING_PIXELS:
                            yield waiting.popleft()[0].result()
            except DataError as fault:
                broken = fault
            while waiting:
                yield waiting.popleft()[0].result()
        if broken is not None:
            raise broken

    def _predicted(self, frame: ClipFrame) -> FramePrediction:
        return self._predictor.frame(frame, self._place.name, self._place.file)

    def _write(
        self, made: FramePrediction, known: FrameRow | None, rate: Fraction | None, files: ExitStack
    ) -> tuple[FrameRow, Size | None]:
        frame = made.frame
        picture = None if frame.image is None else Sample(frame.name, frame.image).rgb()
        row = known or FrameRow(frame.number, seconds(frame), frame.name, error=writable(made.error))
        if picture is not None and known is not None:
            picture = overlay(picture, self._place.mask(frame))
        elif made.prediction is not None:
            row = self._place.save(frame, made.prediction)
            picture = made.prediction.overlay()
        self._show(picture, frame.time, rate, files)
        return row, None if frame.image is None else (frame.image.shape[0], frame.image.shape[1])

    def _show(
        self, picture: npt.NDArray[np.uint8] | None, time: float | None, rate: Fraction | None, files: ExitStack
    ) -> None:
        # A frame without a picture shows the one before, or the clip's first one, so that all others keep their time.
        self._shown = self._shown if picture is None else picture
        if self._shown is None:
            self._unshown.append(time)
            return
        if self._video is None:
            place = self._place.overlay
            self._video = VideoWriter(files.enter_context(written(place)), place, rate)
        for earlier in self._unshown:
            self._video.add(self._shown, earlier)
        self._unshown.clear()
        self._video.add(self._shown, time)


def _counted(clip: ClipRow, row: FrameRow, size: Size | None) -> ClipRow:
    height, width = size if clip.height is None and size is not None else (clip.height, clip.width)
    failed = clip.failed + bool(row.error)
    return replace(clip, frames=clip.frames + 1, failed=failed, height=height, width=width)
