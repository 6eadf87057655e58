"""A network that makes mask logits of the image alone: no SAM, no prompt."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from autosam.core.checks import check_shape
from autosam.core.letterbox import PixelRule
from autosam.core.probability import Mapping
from autosam.core.prompt import ImageEmbedding
from autosam.models.frozen_sam import FrozenSam
from autosam.models.prompt_encoder import IMAGENET_MEAN, IMAGENET_STD
from autosam.models.segmenter import Masks


class ImageSegmenter(nn.Module):
    """A Segmenter of a network from a normalised image to logits; all of it is trained.

    Args:
        net: (B, 3, s, s), ImageNet's mean and deviation taken out, to logits (B, 1, h, w) over the same square.
        size: side s of the image in pixels.
        mapping: how logits become a probability.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, net: nn.Module, *, size: int, mapping: Mapping = "sigmoid") -> None:
        super().__init__()
        self.sam: FrozenSam | None = None
        self.net = net
        self.size = size
        self.rule: PixelRule | None = None
        self.mapping: Mapping = mapping
        self.register_buffer("mean", torch.tensor(IMAGENET_MEAN).view(1, -1, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(IMAGENET_STD).view(1, -1, 1, 1), persistent=False)

    def forward(self, image: Tensor, embedding: ImageEmbedding | None) -> Masks:
        """Returns the logits of RGB (B, 3, s, s) in 0..1; an embedding is not read."""
        check_shape(image, (None, 3, self.size, self.size), "image")
        # A CPU convolves maps that are laid out channels last several times as fast.
        normed = ((image - self.mean) / self.std).contiguous(memory_format=torch.channels_last)
        return Masks(self.net(normed))

    def trained(self) -> nn.Module:
        """Returns the network."""
        return self.net
