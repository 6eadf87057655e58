"""One sample in, one prediction out."""

from __future__ import annotations

import time

import numpy as np
import numpy.typing as npt
import torch

from autosam.core.probability import probability
from autosam.core.sample import Sample
from autosam.inference.masker import Masker
from autosam.inference.mirrors import mirrored_maps_of
from autosam.inference.prediction import Prediction
from autosam.inference.tiles import maps_of


class Predictor:
    """Makes predictions of samples of any size.

    Args:
        masks: makes the logits of a frame.
        threshold: foreground is where the probability is at least this.
        keep_prompt: whether predictions carry g's dense prompt.
        tile: side in pixels of the tiles that larger images are cut into; None takes every image whole.
        mirror: whether logits are averaged with those of the image's mirror images.
    """

    def __init__(
        self,
        masks: Masker,
        *,
        threshold: float = 0.5,
        keep_prompt: bool = False,
        tile: int | None = None,
        mirror: bool = False,
    ) -> None:
        self.masks = masks
        self.threshold = threshold
        self.keep_prompt = keep_prompt
        self.tile = tile
        self.mirror = mirror

    def predict(self, sample: Sample) -> Prediction:
        """Returns the prediction at the sample's own size."""
        started = time.perf_counter()
        rgb = sample.rgb()
        maps = (mirrored_maps_of if self.mirror else maps_of)(self.masks, rgb, self.tile, prompt=self.keep_prompt)
        return Prediction(
            id=sample.id,
            image=rgb,
            probability=self._probability(maps.logits),
            threshold=self.threshold,
            prompt=None if maps.prompt is None else maps.prompt.numpy(),
            surrogate=None if maps.surrogate is None else self._probability(maps.surrogate),
            seconds=time.perf_counter() - started,
        )

    def _probability(self, logits: torch.Tensor) -> npt.NDArray[np.float32]:
        values: npt.NDArray[np.float32] = probability(logits, self.masks.mapping).numpy()
        return values
