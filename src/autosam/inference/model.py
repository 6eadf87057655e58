"""A trained model, ready to use: `autosam.load(RUN)`."""

from __future__ import annotations

import copy
import logging
import math
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from autosam.core.caller import unchanged
from autosam.core.checks import look_up
from autosam.core.errors import DataError, UsageError
from autosam.core.sample import Sample
from autosam.data.images import pixels_of, read_image
from autosam.data.video import frame_rate
from autosam.inference.eligible import is_passing
from autosam.inference.engine import device as find_device
from autosam.inference.engine import first_line
from autosam.inference.masker import Shareable
from autosam.inference.parts import Parts, make_masker
from autosam.inference.predict import Predictor
from autosam.inference.prediction import Prediction
from autosam.inference.video import ClipPredictor, FramePrediction, predict_clip
from autosam.models.card import Card

log = logging.getLogger(__name__)


class Model:
    """A trained g with its frozen SAM.

    Attributes:
        card: what the checkpoint says of itself.
        predictor: what runs it.
        encoder: identity of the SAM's encoder; None where no encoder runs.
        content: everything that its masks depend on besides the engine: the hashes of all weights, the decoder.
        at_once: how many threads may predict at a time.
        run: what it was loaded from: the folder that training wrote, or its checkpoint; None where it was made.
    """

    def __init__(
        self,
        card: Card,
        predictor: Predictor,
        encoder: str | None,
        content: str,
        *,
        at_once: int = 1,
        run: Path | None = None,
    ) -> None:
        self.card = card
        self.predictor = predictor
        self.encoder = encoder
        self.content = content
        self.at_once = at_once
        self.run = run

    def shared(self) -> Model:
        """Returns the same model for several threads where this machine predicts many images faster so; else itself.

        So too where it lacks the memory or the disk for the graph of that.

        In bfloat16 its logits differ by rounding from those of one image at a time, so that `encoder` says which it is.
        """
        masks = self.predictor.masks
        if not isinstance(masks, Shareable) or masks.together == 1:
            return self
        predictor = copy.copy(self.predictor)
        try:
            predictor.masks = masks.shared()
        except Exception as fault:
            if not is_passing(fault):
                raise
            log.warning("one image is predicted at a time (%s)", first_line(fault))
            return self
        encoder = f"{self.encoder}, {masks.together} images at a time"
        return Model(self.card, predictor, encoder, self.content, at_once=masks.together, run=self.run)

    def predict(self, image: str | Path | Sample | npt.NDArray[np.generic] | Any) -> Prediction:
        """Returns the prediction for an image, at its own size.

        Args:
            image: a file, a `Sample`, a PIL image (as it lies: EXIF's orientation is applied to files alone), or an
                array: (H, W, 3) uint8 RGB or (H, W) of any type.

        Raises:
            DataError: where it cannot be read, or is no such image.
        """
        return self.predictor.predict(_sample(image))

    def predict_clip(
        self, clip: str | Path, *, temporal: float = 0.0, rate: float | None = None
    ) -> Iterator[FramePrediction]:
        """Yields the predictions for the frames of a clip in order, each made when it is asked for.

        Args:
            clip: a video file (MP4, MOV, AVI, MKV), or a folder of frames in natural order of their names.
            temporal: share X of the frames before in g's dense prompt, Z'_t = X * Z'_(t-1) + (1 - X) * Z_t; 0 takes
                each frame for itself, to the bit as `predict` does.
            rate: frames a second of a folder, from which its frames get their times.

        Raises:
            DataError: where it is missing or no clip; and after the last frame that could be read, where a part of the
                clip could not.
            UsageError: for a share outside 0 to below 1, a model without a dense prompt, a rate that is none, and for a
                video where PyAV is not installed.
        """
        return predict_clip(ClipPredictor(self.predictor, temporal), Path(clip), frame_rate(rate))


def _sample(image: str | Path | Sample | npt.NDArray[np.generic] | Any) -> Sample:
    if isinstance(image, Sample):
        return image
    if isinstance(image, str | Path):
        file = Path(image)
        return Sample(file.stem, read_image(file), file=file)
    if isinstance(image, np.ndarray):
        # A prediction holds its image, and the caller may fill the array anew.
        return Sample("array", np.array(image))
    if hasattr(image, "convert"):
        return Sample("image", pixels_of(image))
    raise DataError(f"cannot predict a {type(image).__name__}", cure="Give a file, a numpy array or a PIL image")


def load(
    run: str | Path,
    *,
    decoder: str = "sam",
    sam: str | None = None,
    engine: str = "auto",
    precision: str = "auto",
    device: str = "auto",
    threshold: float | None = None,
    keep_prompt: bool = False,
    mirror: bool = False,
) -> Model:
    """Returns the trained model of a run.

    Args:
        run: the folder that training wrote, or its model.safetensors.
        decoder: "sam", or "surrogate" for g and h alone.
        sam: name or file of the frozen SAM, where it is not found under the name that the checkpoint gives.
        engine: "torch", "openvino", "onnxruntime", "torch-compile", or "auto": on a CPU the fastest by a short
            self-test of SAM's image encoder, whose result is kept; torch on any other device.
        precision: "float32", "bfloat16" or "auto". `engine="torch", precision="float32"` is the reference.
        device: "auto", "cpu", "cuda", "cuda:N" or "mps".
        threshold: foreground is where the probability is at least this; the checkpoint's own where None.
        keep_prompt: whether predictions carry g's dense prompt.
        mirror: whether the logits are averaged with those of the image's three mirror images, for four times the work.

    Returns:
        What predicts images, and clips frame by frame.

    Raises:
        ModelError: where the checkpoint or the SAM's weights are missing, damaged or of another model.
        UsageError: for an unknown decoder, engine, precision or device, and a threshold that is no probability.
    """
    look_up(decoder, {"sam": 0, "surrogate": 0}, "decoder")
    threshold = None if threshold is None else _checked(threshold)
    parts = Parts(Path(run), decoder, sam)
    with unchanged():
        masker, encoder = make_masker(parts, engine, precision, find_device(device))
    card = parts.card if threshold is None else replace(parts.card, threshold=threshold)
    predictor = Predictor(masker, threshold=card.threshold, keep_prompt=keep_prompt, tile=card.tile, mirror=mirror)
    return Model(card, predictor, encoder, parts.content(), run=Path(run))


def _checked(threshold: float) -> float:
    """Returns a threshold that is a probability."""
    try:
        value = float(threshold)
    except (TypeError, ValueError):
        value = math.nan
    if not 0 <= value <= 1:
        raise UsageError(f"a threshold is a probability, 0 to 1, not {threshold!r}")
    return value
