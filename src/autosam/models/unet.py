"""U-Net (Ronneberger, Fischer, Brox, MICCAI 2015), padded, with batch norm, trained from scratch."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate, max_pool2d

LEVELS = 5
# The published net begins with 64 channels (31 M parameters). 16 (1.9 M) leave two CPU cores time for many steps.
WIDTH = 16


class UNet(nn.Module):
    """Five levels of two 3x3 convolutions, each level at half the resolution and twice the width of the one above.

    Args:
        width: channels of the first level.
    """

    def __init__(self, width: int = WIDTH) -> None:
        super().__init__()
        widths = [width * 2**level for level in range(LEVELS)]
        self.down = nn.ModuleList(_twice(a, b) for a, b in pairwise([3, *widths]))
        self.up = nn.ModuleList(nn.ConvTranspose2d(b, a, 2, stride=2) for a, b in pairwise(widths))
        self.join = nn.ModuleList(_twice(2 * a, a) for a in widths[:-1])
        self.last = nn.Conv2d(width, 1, 1)

    def forward(self, image: Tensor) -> Tensor:
        """Returns logits (B, 1, s, s) of a normalised image (B, 3, s, s)."""
        maps: list[Tensor] = []
        x = image
        for block in self.down:
            x = block(x if not maps else max_pool2d(x, 2))
            maps.append(x)
        for level in reversed(range(LEVELS - 1)):
            x = _fitted(self.up[level](x), maps[level])
            x = self.join[level](torch.cat([maps[level], x], 1))
        return self.last(x)  # type: ignore[no-any-return]


def _twice(inputs: int, channels: int) -> nn.Module:
    layers: list[nn.Module] = []
    for a, b in ((inputs, channels), (channels, channels)):
        layers += [nn.Conv2d(a, b, 3, padding=1, bias=False), nn.BatchNorm2d(b), nn.ReLU(inplace=True)]
    return nn.Sequential(*layers)


def _fitted(x: Tensor, like: Tensor) -> Tensor:
    """Returns `x` at the size of `like`: a side that a halving cut short lacks a row."""
    if x.shape[-2:] == like.shape[-2:]:
        return x
    return interpolate(x, like.shape[-2:], mode="bilinear", align_corners=False)
