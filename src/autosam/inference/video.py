"""Predictions for the frames of a clip, in order."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import closing
from copy import copy
from dataclasses import dataclass
from fractions import Fraction
from itertools import repeat
from pathlib import Path

from autosam.core.ahead import ahead
from autosam.core.errors import UsageError
from autosam.core.memory import is_out_of_memory
from autosam.core.sample import Sample
from autosam.data.video import Clip, ClipFrame, open_clip
from autosam.inference.predict import Predictor
from autosam.inference.prediction import Prediction
from autosam.inference.temporal import TemporalMasker


@dataclass(frozen=True, slots=True, eq=False)
class FramePrediction:
    """What was predicted for a frame.

    Attributes:
        frame: the frame.
        prediction: at the frame's own size; None where the frame could not be read or predicted.
        error: why there is no prediction.
    """

    frame: ClipFrame
    prediction: Prediction | None
    error: str = ""

    @property
    def number(self) -> int:
        """The frame's place in the clip, from 0."""
        return self.frame.number

    @property
    def time(self) -> float | None:
        """Seconds, as the clip tells them; None where it does not."""
        return self.frame.time


class ClipPredictor:
    """Predicts frames in order, one clip after another.

    Args:
        predictor: what predicts one frame.
        temporal: share of the frames before in the dense prompt, see `TemporalMasker`; 0 uses `predictor` as it is.

    Raises:
        UsageError: for a share outside 0 to below 1, a model without a dense prompt, and one that averages mirror
            images, whose prompts have no place in each other's average.
    """

    def __init__(self, predictor: Predictor, temporal: float = 0.0) -> None:
        if temporal != 0 and predictor.mirror:
            raise UsageError("mirror images and a prompt averaged over frames exclude each other", cure="Leave one out")
        self._average = TemporalMasker(predictor.masks, temporal) if temporal != 0 else None
        self._predictor = predictor
        if self._average is not None:
            self._predictor = copy(predictor)
            self._predictor.masks = self._average
        self._size: tuple[int, int] | None = None

    def restart(self) -> None:
        """Ends a clip: the next frame is the first of another."""
        self._size = None

    def predict(self, sample: Sample) -> Prediction:
        """Returns the prediction for the next frame; one of another size than that before it begins the average anew.

        Raises:
            DataError: as `Predictor.predict`.
        """
        if self._average is not None:
            if self._size != sample.size:
                self._average.restart()
            self._average.next_frame()
        self._size = sample.size
        return self._predictor.predict(sample)

    def frame(self, frame: ClipFrame, clip: str, file: Path) -> FramePrediction:
        """Returns the prediction for the next frame of a clip of that name, or why there is none."""
        if frame.image is None:
            return FramePrediction(frame, None, frame.error)
        where = frame.file or file
        try:
            sample = Sample(f"{clip}/{frame.name}", frame.image, file=where)
            return FramePrediction(frame, self.predict(sample))
        except (MemoryError, RuntimeError) as fault:
            if not is_out_of_memory(fault):
                raise
            high, wide = frame.image.shape[:2]
            return FramePrediction(
                frame, None, f"{where}: not enough memory for {wide} x {high} pixels of frame {frame.number}"
            )


def predict_clip(predictor: ClipPredictor, file: Path, rate: Fraction | None = None) -> Iterator[FramePrediction]:
    """Yields the predictions for a clip's frames; see `autosam.inference.model.Model.predict_clip`."""
    predictor.restart()
    with open_clip(file, rate) as clip, closing(read_ahead(clip)) as frames:
        for frame in frames:
            yield predictor.frame(frame, file.stem, file)


def read_ahead(clip: Clip) -> Generator[ClipFrame]:
    """Yields a clip's frames, read in one thread a little ahead of their use."""
    frames = iter(clip)
    for frame in ahead(lambda _: next(frames, None), repeat(None)):
        if frame is None:
            return
        yield frame
