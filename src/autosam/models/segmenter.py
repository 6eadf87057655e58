"""Pixels in, mask logits out: the one thing that training, prediction and evaluation know."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol, Self

import torch
from torch import nn

from autosam.core.checks import check_shape
from autosam.core.letterbox import PixelRule
from autosam.core.probability import Mapping
from autosam.core.prompt import ImageEmbedding, Prompt
from autosam.models.frozen_sam import FrozenSam
from autosam.models.prompt_encoder import PromptEncoder
from autosam.models.surrogate import Surrogate


@dataclass(frozen=True, slots=True)
class Masks:
    """What a segmenter says of a batch.

    Attributes:
        logits: (B, 1, h, w) over the whole padded square.
        dense: (B, C, h', w'), g's dense prompt Z; None for a segmenter without one.
        surrogate: (B, 1, h, w), the logits of the surrogate decoder h, in training of the first images alone; None
            where there is none.
    """

    logits: torch.Tensor
    dense: torch.Tensor | None = None
    surrogate: torch.Tensor | None = None


class Segmenter(Protocol):
    """Anything that makes mask logits of an image.

    Attributes:
        sam: the frozen SAM whose embedding it needs, so that cached embeddings are valid for it; None where it needs
            none, or makes its own.
        size: side s of the image that it sees, in pixels.
        rule: how it wants that image's pixels; None for RGB in 0..1.
        mapping: how its logits become a probability.
    """

    sam: FrozenSam | None
    size: int
    rule: PixelRule | None
    mapping: Mapping

    def __call__(self, image: torch.Tensor, embedding: ImageEmbedding | None) -> Masks:
        """Returns the masks of images (B, 3, s, s), as `Frame.seen` gives them, and of their embedding."""
        ...

    def trained(self) -> nn.Module:
        """Returns the module that holds exactly the tensors that are trained and saved."""
        ...

    def train(self, mode: bool = True) -> Segmenter:
        """Puts the trained part, and only it, into training mode."""
        ...

    def to(self, device: torch.device) -> Self:
        """Returns itself, moved."""
        ...


class Prompting(Segmenter, Protocol):
    """A segmenter that asks its decoder with a dense prompt Z, whose two halves can be run apart."""

    def prompt(self, image: torch.Tensor, embedding: ImageEmbedding | None) -> torch.Tensor:
        """Returns Z (B, C, h', w') of RGB images (B, 3, s, s) in 0..1 and of their embedding."""
        ...

    def answer(self, dense: torch.Tensor, embedding: ImageEmbedding | None) -> Masks:
        """Returns the masks for Z and the embedding of the same images."""
        ...


class Trained(nn.Module):
    """AutoSAM's only trained weights: the prompt encoder g and the surrogate decoder h."""

    def __init__(self, g: PromptEncoder, h: Surrogate) -> None:
        super().__init__()
        self.g = g
        self.h = h


class SamSegmenter(nn.Module):
    """g in the place of SAM's prompt encoder, SAM frozen, h beside it (paper, section 3).

    Args:
        sam: the frozen SAM.
        g: the prompt encoder; its dense prompt must fit the SAM's embedding.
        h: the surrogate decoder; it sees Z with the gradient stopped, so that it inspects g and does not shape it. Of
            a batch in training it sees half of the images: of the light g's step it would else be the dearest part.
        mapping: how logits become a probability.
    """

    def __init__(self, sam: FrozenSam, g: PromptEncoder, h: Surrogate, *, mapping: Mapping = "sigmoid") -> None:
        super().__init__()
        self.sam: FrozenSam | None = sam
        self._decode = sam.decode
        self.parts = Trained(g, h)
        self.size = g.size
        self.rule: PixelRule | None = None
        self.mapping: Mapping = mapping

    def forward(self, image: torch.Tensor, embedding: ImageEmbedding | None) -> Masks:
        """Returns SAM's logits for (I, Z = g(I)), with Z and h's logits.

        Args:
            image: (B, 3, s, s) RGB in 0..1.
            embedding: SAM's embedding of the same images.

        Raises:
            ValueError: where the embedding is missing or the image has another size.
        """
        return self.answer(self.prompt(image, embedding), embedding)

    def prompt(self, image: torch.Tensor, embedding: ImageEmbedding | None) -> torch.Tensor:
        """See `Prompting`."""
        check_shape(image, (None, 3, self.size, self.size), "image")
        dense: torch.Tensor = self.parts.g(image, _given(embedding).main)
        return dense

    def answer(self, dense: torch.Tensor, embedding: ImageEmbedding | None) -> Masks:
        """See `Prompting`."""
        inspected = dense.detach()
        if self.parts.training:
            inspected = inspected[: -(-len(inspected) // 2)]
        return Masks(self._decode(_given(embedding), Prompt(dense)), dense, self.parts.h(inspected))

    def trained(self) -> nn.Module:
        """Returns g and h."""
        return self.parts

    def parameters(self, recurse: bool = True) -> Iterator[nn.Parameter]:
        """Yields the trained parameters only."""
        return self.parts.parameters(recurse)


class SurrogateSegmenter(nn.Module):
    """g and h alone: a light model without SAM's mask decoder.

    SAM's image encoder still runs where g reads the embedding (`sam` is then not None).
    """

    def __init__(self, sam: FrozenSam, g: PromptEncoder, h: Surrogate, *, mapping: Mapping = "sigmoid") -> None:
        super().__init__()
        self.sam: FrozenSam | None = sam if g.needs_embedding else None
        self.parts = Trained(g, h)
        self.size = g.size
        self.rule: PixelRule | None = None
        self.mapping: Mapping = mapping

    def forward(self, image: torch.Tensor, embedding: ImageEmbedding | None) -> Masks:
        """Returns h's logits for Z = g(I), as the mask."""
        return self.answer(self.prompt(image, embedding), embedding)

    def prompt(self, image: torch.Tensor, embedding: ImageEmbedding | None) -> torch.Tensor:
        """See `Prompting`."""
        check_shape(image, (None, 3, self.size, self.size), "image")
        dense: torch.Tensor = self.parts.g(image, None if embedding is None else embedding.main)
        return dense

    def answer(self, dense: torch.Tensor, embedding: ImageEmbedding | None) -> Masks:
        """See `Prompting`."""
        return Masks(self.parts.h(dense), dense)

    def trained(self) -> nn.Module:
        """Returns g and h."""
        return self.parts


def _given(embedding: ImageEmbedding | None) -> ImageEmbedding:
    if embedding is None:
        raise ValueError("a SAM decodes its own embedding: none was given")
    return embedding
