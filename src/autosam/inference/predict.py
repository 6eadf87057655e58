"""One sample in, one prediction out."""

from __future__ import annotations

import time

import numpy as np
import numpy.typing as npt
import torch

from autosam.core.letterbox import Letterbox
from autosam.core.probability import probability
from autosam.core.sample import Sample
from autosam.inference.masker import Masker
from autosam.inference.prediction import Prediction


class Predictor:
    """Makes predictions of samples of any size.

    Args:
        masks: makes the logits of a frame.
        threshold: foreground is where the probability is at least this.
        keep_prompt: whether predictions carry g's dense prompt.
    """

    def __init__(self, masks: Masker, *, threshold: float = 0.5, keep_prompt: bool = False) -> None:
        self.masks = masks
        self.threshold = threshold
        self.keep_prompt = keep_prompt

    def predict(self, sample: Sample) -> Prediction:
        """Returns the prediction at the sample's own size."""
        started = time.perf_counter()
        rgb = sample.rgb()
        box = Letterbox(self.masks.frame_size, *sample.size)
        masks = self.masks(box.frame(rgb))
        surrogate = None if masks.surrogate is None else self._native(masks.surrogate, box)
        return Prediction(
            id=sample.id,
            image=rgb,
            probability=self._native(masks.logits, box),
            threshold=self.threshold,
            prompt=masks.dense[0].float().cpu().numpy() if self.keep_prompt and masks.dense is not None else None,
            surrogate=surrogate,
            seconds=time.perf_counter() - started,
        )

    def _native(self, logits: torch.Tensor, box: Letterbox) -> npt.NDArray[np.float32]:
        native = box.undo(logits[0, 0].float().cpu())
        values: npt.NDArray[np.float32] = probability(native, self.masks.mapping).numpy()
        return values
