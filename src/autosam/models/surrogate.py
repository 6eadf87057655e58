"""The surrogate decoder h: a mask from g's dense prompt alone, without SAM."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import gelu

from autosam.core.checks import check_shape
from autosam.models.context import LayerNorm2d


class Surrogate(nn.Module):
    """h of AutoSAM (arXiv 2306.06370): two transposed convolutions that bring the prompt to four times its grid.

    It inspects g and must not shape it: whoever trains it detaches the prompt.

    Args:
        channels: channels C of the dense prompt.
    """

    def __init__(self, channels: int = 256) -> None:
        super().__init__()
        self.channels = channels
        self.conv1 = nn.ConvTranspose2d(channels, 64, 3, stride=2, padding=1, output_padding=1)
        self.norm1 = LayerNorm2d(64)
        self.conv2 = nn.ConvTranspose2d(64, 16, 2, stride=2)
        self.norm2 = LayerNorm2d(16)
        self.conv3 = nn.Conv2d(16, 1, 1)

    def forward(self, dense: Tensor) -> Tensor:
        """Returns mask logits (B, 1, 4h, 4w) of a dense prompt (B, C, h, w)."""
        check_shape(dense, (None, self.channels, None, None), "the dense prompt")
        x = gelu(self.norm1(self.conv1(dense.contiguous(memory_format=torch.channels_last))))
        x = gelu(self.norm2(self.conv2(x)))
        return self.conv3(x)  # type: ignore[no-any-return]
