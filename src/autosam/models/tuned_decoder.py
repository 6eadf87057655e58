"""SAM's own mask decoder, fine-tuned: the encoder frozen, no prompt."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import TYPE_CHECKING, cast

import torch
from torch import Tensor, nn

from autosam.core.letterbox import PixelRule
from autosam.core.probability import Mapping
from autosam.core.prompt import ImageEmbedding
from autosam.models.frozen_sam import FrozenSam
from autosam.models.quick_decoder import decode
from autosam.models.sam_model import Sam
from autosam.models.segmenter import Masks

if TYPE_CHECKING:
    from transformers.models.sam.modeling_sam import SamMaskDecoder


class TunedDecoder(nn.Module):
    """A copy of a frozen SAM's mask decoder that is trained on the frozen embedding, SAM's "no mask" as the prompt.

    Of the copy only what makes the single mask is kept: SAM's quality estimate and its other masks are not trained.

    Args:
        sam: the frozen SAM; it stays as it is.
        size: side of the square at which the truth is compared, in pixels.
        mapping: how logits become a probability.
    """

    place: Tensor
    no_mask: Tensor

    def __init__(self, sam: Sam, *, size: int, mapping: Mapping = "sigmoid") -> None:
        super().__init__()
        self.sam: FrozenSam | None = sam
        self.size = size
        self.rule: PixelRule | None = None
        self.mapping: Mapping = mapping
        self.decoder = copy.deepcopy(sam.mask_decoder)
        del self.decoder.iou_prediction_head
        masks = cast("SamMaskDecoder", self.decoder)
        masks.output_hypernetworks_mlps = masks.output_hypernetworks_mlps[:1]
        self.decoder.requires_grad_(True)
        self.register_buffer("place", sam.image_pe.clone(), persistent=False)
        with torch.no_grad():
            self.register_buffer("no_mask", sam.prompt().dense.detach().clone(), persistent=False)

    def forward(self, image: Tensor, embedding: ImageEmbedding | None) -> Masks:
        """Returns the logits (B, 1, 4h, 4w) of an embedding (B, C, h, w); the image itself is not read.

        Raises:
            ValueError: where the embedding is missing.
        """
        if embedding is None:
            raise ValueError("a SAM decodes its own embedding: none was given")
        return Masks(decode(cast("SamMaskDecoder", self.decoder), embedding.main + self.no_mask, self.place))

    def trained(self) -> nn.Module:
        """Returns the copy of the decoder."""
        return self.decoder

    def parameters(self, recurse: bool = True) -> Iterator[nn.Parameter]:
        """Yields the trained parameters only."""
        return self.decoder.parameters(recurse)
