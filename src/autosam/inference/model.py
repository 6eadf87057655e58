"""A trained model, ready to use: `autosam.load(RUN)`."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from autosam.core.checks import look_up
from autosam.core.errors import DataError
from autosam.core.sample import Sample
from autosam.data.images import read_image
from autosam.inference.embed import Embedder
from autosam.inference.engine import device as find_device
from autosam.inference.engine import make_encoder
from autosam.inference.predict import Predictor
from autosam.inference.prediction import Prediction
from autosam.models.checkpoint import Card
from autosam.models.checkpoint import load as load_checkpoint


class Model:
    """A trained g with its frozen SAM.

    Attributes:
        card: what the checkpoint says of itself.
        predictor: what runs it.
        encoder: identity of the SAM's encoder; None where no encoder runs.
    """

    def __init__(self, card: Card, predictor: Predictor, encoder: str | None) -> None:
        self.card = card
        self.predictor = predictor
        self.encoder = encoder

    def predict(self, image: str | Path | Sample | npt.NDArray[np.generic] | Any) -> Prediction:
        """Returns the prediction for an image, at its own size.

        Args:
            image: a file, a `Sample`, a PIL image, or an array: (H, W, 3) uint8 RGB or (H, W) of any type.

        Raises:
            DataError: where it cannot be read, or is no such image.
        """
        return self.predictor.predict(_sample(image))


def _sample(image: str | Path | Sample | npt.NDArray[np.generic] | Any) -> Sample:
    if isinstance(image, Sample):
        return image
    if isinstance(image, str | Path):
        file = Path(image)
        return Sample(file.stem, read_image(file), file=file)
    if isinstance(image, np.ndarray):
        return Sample("array", image)
    if hasattr(image, "convert"):
        return Sample("image", np.asarray(image.convert("RGB")))
    raise DataError(f"cannot predict a {type(image).__name__}", cure="Give a file, a numpy array or a PIL image")


def load(
    run: str | Path,
    *,
    decoder: str = "sam",
    sam: str | None = None,
    engine: str = "auto",
    device: str = "auto",
    threshold: float | None = None,
    keep_prompt: bool = False,
) -> Model:
    """Returns the trained model of a run.

    Args:
        run: the folder that training wrote, or its model.safetensors.
        decoder: "sam", or "surrogate" for g and h alone.
        sam: name or file of the frozen SAM, where it is not found under the name that the checkpoint gives.
        engine: what runs the SAM's image encoder: "auto", "torch" or "openvino".
        device: "auto", "cpu", "cuda", "cuda:N" or "mps".
        threshold: foreground is where the probability is at least this; the checkpoint's own where None.
        keep_prompt: whether predictions carry g's dense prompt.

    Raises:
        ModelError: where the checkpoint or the SAM's weights are missing, damaged or of another model.
        UsageError: for an unknown decoder, engine or device.
    """
    look_up(decoder, {"sam": 0, "surrogate": 0}, "decoder")
    on = find_device(device)
    segmenter, card = load_checkpoint(Path(run), decoder=decoder, sam=sam)
    if threshold is not None:
        card = replace(card, threshold=threshold)
    encoder = make_encoder(segmenter.sam, engine, on) if segmenter.sam is not None else None
    segmenter.to(on)

    embed = None if encoder is None else Embedder(encoder)
    predictor = Predictor(segmenter, embed, on, threshold=card.threshold, keep_prompt=keep_prompt)
    return Model(card, predictor, None if encoder is None else encoder.identity)
