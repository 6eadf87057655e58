"""A SAM with the adapters of Medical SAM Adapter in its encoder and its decoder, asked without a prompt."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, cast

import torch
from torch import Tensor, nn

from autosam.core.checks import check_shape
from autosam.core.letterbox import PixelRule
from autosam.core.probability import Mapping
from autosam.core.prompt import ImageEmbedding
from autosam.models.adapted_encoder import encode_adapted, encoder_adapters
from autosam.models.adapters import DecoderAdapters
from autosam.models.frozen_sam import FrozenSam
from autosam.models.quick_decoder import Insertions, decode
from autosam.models.sam_model import Sam
from autosam.models.segmenter import Masks

if TYPE_CHECKING:
    from transformers.models.sam.modeling_sam import SamMaskDecoder


class AdaptedSam(nn.Module):
    """All of SAM frozen, only adapters trained, after Medical SAM Adapter (Wu et al., arXiv 2304.12620).

    The adapters change the embedding, so that none can be cached: the encoder runs at every step, with its gradient.
    SAM's "no mask" is the prompt, as for AutoSAM: nobody clicks.

    Args:
        sam: the frozen SAM; it stays as it is.
        mapping: how logits become a probability.

    Raises:
        ModelError: where no adapters are known for the SAM's encoder.
    """

    no_mask: Tensor

    def __init__(self, sam: Sam, *, mapping: Mapping = "sigmoid") -> None:
        super().__init__()
        self.sam: FrozenSam | None = None
        self.frozen = sam
        self.size = sam.rule.size
        self.rule: PixelRule | None = sam.rule
        self.mapping: Mapping = mapping
        blocks = cast("SamMaskDecoder", sam.mask_decoder).transformer.layers
        inserted = nn.ModuleList(DecoderAdapters(sam.embedding_shape[0]) for _ in blocks)
        self.adapters = nn.ModuleDict({"encoder": encoder_adapters(sam), "decoder": inserted})
        with torch.no_grad():
            self.register_buffer("no_mask", sam.prompt().dense.detach().clone(), persistent=False)

    def forward(self, image: Tensor, embedding: ImageEmbedding | None) -> Masks:
        """Returns the logits (B, 1, 4h, 4w) of pixels (B, 3, S, S), scaled by the SAM's rule."""
        check_shape(image, (None, 3, self.size, self.size), "pixels")
        encoder = cast("nn.ModuleList", self.adapters["encoder"])
        decoder = cast("Sequence[Insertions]", self.adapters["decoder"])
        asked = encode_adapted(self.frozen, encoder, image) + self.no_mask
        return Masks(decode(cast("SamMaskDecoder", self.frozen.mask_decoder), asked, self.frozen.image_pe, decoder))

    def trained(self) -> nn.Module:
        """Returns the adapters."""
        return self.adapters

    def parameters(self, recurse: bool = True) -> Iterator[nn.Parameter]:
        """Yields the trained parameters only."""
        return self.adapters.parameters(recurse)
