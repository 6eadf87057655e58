"""Cheap convolutional blocks on the embedding's grid: wide context for few multiplications."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, conv2d, hardswish, interpolate, layer_norm

from autosam.core.errors import ModelError

SCALES = 4
# Blocks on the way down, and on the way back from the quarter on.
_BLOCKS = {3: (1, 2, 2, 0, 0, 0, 1), 4: (1, 1, 1, 2, 1, 1, 1)}
EPS = 1e-6


def normalise(x: Tensor) -> Tensor:
    """Returns (B, C, H, W) with the channels of every position at mean 0 and deviation 1."""
    return layer_norm(x.permute(0, 2, 3, 1), (int(x.shape[1]),), eps=EPS).permute(0, 3, 1, 2)


class Normalise(nn.Module):
    """`normalise` as a layer."""

    def forward(self, x: Tensor) -> Tensor:
        """Returns the normalised map."""
        return normalise(x)


class LayerNorm2d(nn.Module):
    """Normalises the channels of every position of (B, C, H, W) by themselves, so that no image sees another.

    Args:
        channels: channels C.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))

    def forward(self, x: Tensor) -> Tensor:
        """Returns the normalised map; cheapest where `x` is laid out channels last."""
        last = x.permute(0, 2, 3, 1)
        if x.is_cpu and x.dtype == torch.bfloat16 and torch.is_grad_enabled():
            # Torch adds up the gradients of a norm's own weights in bfloat16 there, far off.
            weight, bias = self.weight.to(x.dtype), self.bias.to(x.dtype)
            last = torch.addcmul(bias, layer_norm(last, weight.shape, eps=EPS), weight)
        else:
            last = layer_norm(last, self.weight.shape, self.weight, self.bias, EPS)
        return last.permute(0, 3, 1, 2)

    def into(self, convolution: nn.Conv2d, x: Tensor) -> Tensor:
        """Returns a 1x1 convolution of the normalised map, scale and shift folded into the convolution's weights.

        Nothing of the map's size is multiplied for them, and their gradients come of small sums.
        """
        weight = convolution.weight * self.weight[:, None, None]
        bias = (convolution.weight[:, :, 0, 0] * self.bias).sum(1)
        if convolution.bias is not None:
            bias = bias + convolution.bias
        return conv2d(normalise(x), weight, bias)


class Residual(nn.Module):
    """x + project(hardswish(expand(norm(depth-wise 5x5 of x)))).

    The 5x5 is made of two 3x3: on a CPU their backward pass is five times as fast, for the same receptive field.

    Args:
        channels: channels C.
        expansion: width of the hidden layer as a multiple of C.
    """

    def __init__(self, channels: int, expansion: int = 3) -> None:
        super().__init__()
        self.spread1 = nn.Conv2d(channels, channels, 3, padding=1, groups=channels, bias=False)
        self.spread2 = nn.Conv2d(channels, channels, 3, padding=1, groups=channels)
        self.norm = LayerNorm2d(channels)
        self.expand = nn.Conv2d(channels, expansion * channels, 1)
        self.project = nn.Conv2d(expansion * channels, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Returns a map of the shape of `x` (B, C, H, W)."""
        y = self.norm.into(self.expand, self.spread2(self.spread1(x)))
        added: Tensor = self.project(hardswish(y))
        return x + added


class Context(nn.Module):
    """Residual blocks at the grid, its half, its quarter and its eighth and back, joined by sums.

    It sees 60 cells to each side, so that every cell of a SAM's 64 x 64 knows the whole frame: inside a large object
    (the lumen of a gland) nothing nearer says what it is. Blocks without dilation, which a CPU differentiates slowly.

    Args:
        channels: channels C.
        scales: 4, or 3 (28 cells, without the eighth), which is what checkpoints that say nothing of it have.
    """

    def __init__(self, channels: int, scales: int = SCALES) -> None:
        super().__init__()
        parts = (nn.Sequential(*(Residual(channels) for _ in range(count))) for count in _BLOCKS[scales])
        self.at_full, self.at_half, self.at_quarter, self.at_eighth, *back = parts
        self.back_quarter, self.back_half, self.at_last = back

    def forward(self, x: Tensor) -> Tensor:
        """Returns a map of the shape of `x` (B, C, H, W)."""
        full = self.at_full(x.contiguous(memory_format=torch.channels_last))
        half = self.at_half(_halved(full))
        quarter = self.at_quarter(_halved(half))
        if len(self.at_eighth):
            quarter = self.back_quarter(quarter + to_grid(self.at_eighth(_halved(quarter)), quarter.shape[-2:]))
        half = self.back_half(half + to_grid(quarter, half.shape[-2:]))
        return self.at_last(full + to_grid(half, full.shape[-2:]))  # type: ignore[no-any-return]


def scales_of(config: Mapping[str, Any] | None) -> int:
    """Returns the scales of a context from its prompt encoder's `config`; None for one that is made anew.

    Raises:
        ModelError: on another number than 3 or 4.
    """
    scales = SCALES if config is None else config.get("scales", 3)
    if type(scales) is not int or scales not in _BLOCKS:
        raise ModelError(f"the checkpoint's prompt encoder has {scales!r} scales, not 3 or 4")
    return scales


def to_grid(x: Tensor, grid: Sequence[int]) -> Tensor:
    """Returns `x` (B, C, H, W) at `grid` (h, w): averaged where it is at least twice as fine, the rest bilinearly."""
    # Whole numbers, so that a tracer takes them for the constants that they are.
    (height, width), (high, wide) = _size(x), (int(grid[0]), int(grid[1]))
    rows, columns = max(1, height // high), max(1, width // wide)
    if rows > 1 or columns > 1:
        x = avg_pool2d(x, (rows, columns))
    if _size(x) == (high, wide):
        return x
    return interpolate(x, (high, wide), mode="bilinear", align_corners=False)


def _halved(x: Tensor) -> Tensor:
    height, width = _size(x)
    return to_grid(x, ((height + 1) // 2, (width + 1) // 2))


def _size(x: Tensor) -> tuple[int, int]:
    return int(x.shape[-2]), int(x.shape[-1])
