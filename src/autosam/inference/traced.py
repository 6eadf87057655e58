"""What of a segmenter becomes a graph: all of it, or one of its halves; and what such a graph is given."""

from __future__ import annotations

from typing import cast

import numpy as np
import numpy.typing as npt
import torch

from autosam.core.letterbox import Frame, PixelRule
from autosam.core.prompt import ImageEmbedding
from autosam.models.segmenter import Prompting, Segmenter


class _Encoding(torch.nn.Module):
    """A segmenter in eval mode with its SAM's encoder."""

    def __init__(self, segmenter: Segmenter) -> None:
        super().__init__()
        self.segmenter = segmenter.train(False)
        self.sam = segmenter.sam

    def encode(self, pixels: torch.Tensor | None) -> ImageEmbedding | None:
        return None if self.sam is None or pixels is None else self.sam.encode(pixels)


class Whole(_Encoding):
    """(image[, pixels]) -> (logits, dense[, surrogate])."""

    def forward(self, image: torch.Tensor, pixels: torch.Tensor | None = None) -> tuple[torch.Tensor, ...]:
        """Returns SAM's mask logits, g's dense prompt, and h's logits where there are any."""
        masks = self.segmenter(image, self.encode(pixels))
        return tuple(part for part in (masks.logits, masks.dense, masks.surrogate) if part is not None)


class FirstHalf(_Encoding):
    """(image[, pixels]) -> (dense[, embedding, finer embeddings])."""

    def forward(self, image: torch.Tensor, pixels: torch.Tensor | None = None) -> tuple[torch.Tensor, ...]:
        """Returns g's dense prompt, and SAM's embedding where there is a SAM."""
        embedding = self.encode(pixels)
        dense = cast(Prompting, self.segmenter).prompt(image, embedding)
        return (dense,) if embedding is None else (dense, embedding.main, *embedding.fine)


class SecondHalf(torch.nn.Module):
    """(dense[, embedding, finer embeddings]) -> (logits[, surrogate])."""

    def __init__(self, segmenter: Prompting) -> None:
        super().__init__()
        self.segmenter = segmenter.train(False)

    def forward(self, dense: torch.Tensor, *embedding: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """Returns SAM's mask logits, and h's where there are any."""
        known = ImageEmbedding(embedding[0], embedding[1:]) if embedding else None
        masks = cast(Prompting, self.segmenter).answer(dense, known)
        return (masks.logits,) if masks.surrogate is None else (masks.logits, masks.surrogate)


def graph_inputs(
    frame: Frame, size: int, rule: PixelRule | None, own: PixelRule | None = None
) -> list[npt.NDArray[np.float32]]:
    """Returns what a graph sees of a frame: the image by the segmenter's own rule, and the pixels of a SAM in it."""
    inputs = [frame.seen(size, own)[None].numpy()]
    return inputs if rule is None else [*inputs, frame.pixels(rule)[None].numpy()]
