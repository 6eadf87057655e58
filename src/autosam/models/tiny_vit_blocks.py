"""The blocks that TinyViT is made of; `autosam.models.tiny_vit` puts them together.

A map (B, C, H, W) lies in channels-last memory, so that its tokens (B, H, W, C) are the same bytes. What a block holds
for a moment is worked out in pieces that fit into a CPU's cache.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from autosam.core.precision import exact
from autosam.models.tracing import is_tracing

HEAD_WIDTH = 32
EXPANSION = 4
# Larger buffers fall out of the CPU's cache and cost page faults at each use; a whole map of a stage is 16 times that.
_MOST_HIDDEN = 1 << 20


class ExactConv2d(nn.Conv2d):
    """A convolution in float32 whatever the rest is computed in.

    For those whose rounding stays in the map to the end: `bench.agreement` says what it does to masks.
    """

    full_precision = True

    def forward(self, x: Tensor) -> Tensor:
        """Returns the convolved map in float32."""
        with exact(x.device):
            return super().forward(x.to(torch.float32))


class Bottleneck(nn.Module):
    """1x1, depth-wise 3x3 with the stride, 1x1; with a residual a block of the first stage, without one a merge.

    All of it in float32: what is rounded this early, or in a merge, stays in the map to the end.
    """

    full_precision = True

    def __init__(
        self, width: int, hidden: int, out: int, *, side: int, stride: int = 1, residual: bool = False
    ) -> None:
        super().__init__()
        self.side, self.stride, self.residual = side, stride, residual
        self.conv1 = ExactConv2d(width, hidden, 1)
        self.conv2 = ExactConv2d(hidden, hidden, 3, stride, 1, groups=hidden)
        self.conv3 = ExactConv2d(hidden, out, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Returns (B, out, H / stride, W / stride), worked out a strip of rows at a time."""
        height = self.side // self.stride
        rows = height if is_tracing() else _piece(len(x) * self.conv1.out_channels * self.side * self.stride)
        parts = [self.strip(x, first, min(first + rows, height)) for first in range(0, height, rows)]
        return parts[0] if len(parts) == 1 else torch.cat(parts, 2)

    def strip(self, x: Tensor, first: int, end: int) -> Tensor:
        """Returns the output's rows from `first` to before `end`, from the rows of `x` that they see."""
        start = max(first - 1, 0)
        seen = x[:, :, self.stride * start : self.stride * (end - 1) + 2]
        hidden = self.conv2(F.gelu(self.conv1(seen)))[:, :, first - start : end - start]
        out: Tensor = self.conv3(F.gelu(hidden))
        return F.gelu(out + x[:, :, first:end]) if self.residual else out


class Block(nn.Module):
    """Window attention with a residual, depth-wise 3x3 without one, MLP with one."""

    def __init__(self, width: int, side: int, window: int) -> None:
        super().__init__()
        self.attn = Attention(width, side, window)
        self.local_conv = ExactConv2d(width, width, 3, 1, 1, groups=width)
        self.mlp = MLP(width)

    def forward(self, x: Tensor) -> Tensor:
        """Returns a map of the shape of `x` (B, width, side, side)."""
        batch, width, high, wide = x.shape
        map_shape = (batch, high, wide, width)
        # Summed as a list of tokens: an engine's graph transposes about the convolution only, and takes no sum of maps
        # with the channels last for one of maps with the channels first.
        tokens = x.permute(0, 2, 3, 1).reshape(-1, width)
        tokens = tokens + self.attn(tokens.view(map_shape)).view(-1, width)
        local = self.local_conv(tokens.view(map_shape).permute(0, 3, 1, 2)).permute(0, 2, 3, 1).reshape(-1, width)
        out: Tensor = local + self.mlp(local)
        return out.view(map_shape).permute(0, 3, 1, 2)


class Attention(nn.Module):
    """Self-attention within windows, biased by the distance of two tokens."""

    bias: Tensor

    def __init__(self, width: int, side: int, window: int) -> None:
        super().__init__()
        self.window, self.heads = window, width // HEAD_WIDTH
        self.side, self.count = side, -(-side // window)
        self.norm = nn.LayerNorm(width)
        self.qkv = nn.Linear(width, 3 * width)
        self.proj = nn.Linear(width, width)
        self.register_buffer("bias", torch.zeros(1, self.heads, window**2, window**2))

    def forward(self, tokens: Tensor) -> Tensor:
        """Returns tokens of the shape of `tokens` (B, side, side, width)."""
        batch, width = tokens.shape[0], self.proj.in_features
        side, count, window = self.side, self.count, self.window
        whole = count * window
        # The padding is normed and attended to like the rest: the checkpoints were trained so.
        tokens = self.norm(F.pad(tokens, (0, 0, 0, whole - side, 0, whole - side)))
        tokens = tokens.view(batch, count, window, count, window, width).transpose(2, 3)
        qkv = self.qkv(tokens.reshape(-1, width)).view(-1, window**2, self.heads, 3, HEAD_WIDTH)
        q, k, v = qkv.permute(3, 0, 2, 1, 4).unbind(0)
        mixed = F.scaled_dot_product_attention(q, k, v, attn_mask=self.bias).transpose(1, 2)
        mixed = mixed.reshape(batch, count, count, window, window, width).transpose(2, 3)
        mixed = mixed.reshape(batch, whole, whole, width)[:, :side, :side].reshape(-1, width)
        out: Tensor = self.proj(mixed)
        return out.view(batch, side, side, width)


class MLP(nn.Module):
    """Norm, up, GELU, down, for each token."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.fc1 = nn.Linear(width, width * EXPANSION)
        self.fc2 = nn.Linear(width * EXPANSION, width)

    def forward(self, tokens: Tensor) -> Tensor:
        """Returns tokens of the shape of `tokens` (..., width)."""
        flat = self.norm(tokens).reshape(-1, self.fc1.in_features)
        pieces = (flat,) if is_tracing() else flat.split(_piece(self.fc1.out_features))
        parts = [self.fc2(F.gelu(self.fc1(piece))) for piece in pieces]
        return (parts[0] if len(parts) == 1 else torch.cat(parts)).view(tokens.shape)


def _piece(width: int) -> int:
    """Returns how many rows of `width` values are worked out at once."""
    return max(1, _MOST_HIDDEN // width)
