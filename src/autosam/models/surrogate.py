"""The surrogate decoder h: a mask from g's dense prompt alone, without SAM."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import gelu, linear

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
        x = gelu(self.norm1(self.conv1(dense.contiguous(memory_format=torch.channels_last)))).permute(0, 2, 3, 1)
        batch, high, wide, _ = (int(side) for side in x.shape)
        # Each pixel becomes 2x2 by a matrix product, whose gradient costs half of the convolution's, and only the
        # logits are brought to their places.
        x = self._four(x).view(batch, high * wide, 4, -1).permute(0, 3, 1, 2)
        logits: Tensor = self.conv3(gelu(self.norm2(x))).view(batch, high, wide, 2, 2)
        return logits.transpose(2, 3).reshape(batch, 1, 2 * high, 2 * wide)

    def _four(self, x: Tensor) -> Tensor:
        """Returns the second convolution's 2x2 pixels side by side, (B, h, w, 4 x C'), of (B, h, w, C)."""
        weight = self.conv2.weight.permute(2, 3, 1, 0).flatten(0, 2)
        assert self.conv2.bias is not None
        return linear(x, weight, self.conv2.bias.repeat(4))
