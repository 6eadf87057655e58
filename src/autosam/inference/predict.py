"""One sample in, one prediction out."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import torch

from autosam.core.letterbox import Frame, Letterbox
from autosam.core.probability import probability
from autosam.core.prompt import ImageEmbedding
from autosam.core.sample import Sample
from autosam.inference.prediction import Prediction
from autosam.models.segmenter import Masks, Segmenter


def frame_size(segmenter: Segmenter) -> int:
    """Returns the side of the frame that serves the SAM and g alike: the larger of their inputs."""
    return max(segmenter.size, segmenter.sam.rule.size if segmenter.sam is not None else 0)


class Predictor:
    """Runs a segmenter on samples of any size.

    Args:
        segmenter: what makes the logits; put into eval mode by every prediction.
        embed: gives a frame's embedding; None where the segmenter needs none.
        device: where g, h and the mask decoder run.
        threshold: foreground is where the probability is at least this.
        keep_prompt: whether predictions carry g's dense prompt.
    """

    def __init__(
        self,
        segmenter: Segmenter,
        embed: Callable[[Frame], ImageEmbedding] | None,
        device: torch.device,
        *,
        threshold: float = 0.5,
        keep_prompt: bool = False,
    ) -> None:
        self.segmenter = segmenter
        self.embed = embed
        self.device = device
        self.threshold = threshold
        self.keep_prompt = keep_prompt

    def predict(self, sample: Sample) -> Prediction:
        """Returns the prediction at the sample's own size."""
        started = time.perf_counter()
        rgb = sample.rgb()
        box = Letterbox(frame_size(self.segmenter), *sample.size)
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

    @torch.inference_mode()
    def masks(self, frame: Frame) -> Masks:
        """Returns the segmenter's masks for one frame."""
        self.segmenter.train(False)
        embedding = None if self.embed is None else self.embed(frame).to(self.device)
        return self.segmenter(frame.rgb(self.segmenter.size)[None].to(self.device), embedding)

    def _native(self, logits: torch.Tensor, box: Letterbox) -> npt.NDArray[np.float32]:
        native = box.undo(logits[0, 0].float().cpu())
        values: npt.NDArray[np.float32] = probability(native, self.segmenter.mapping).numpy()
        return values
