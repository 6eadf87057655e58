"""SAM's plain ViT image encoder, its tensors named as transformers' SamVisionEncoder names them.

Source: "Segment Anything" (arXiv 2304.02643), section A: a ViT with attention in windows but for a few layers that see
everything, then a neck of two convolutions.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import gelu

from autosam.models.context import LayerNorm2d
from autosam.models.relative_attention import RelativeAttention
from autosam.models.sam_names import SamShape

_NORM_EPS = 1e-6


class VisionTransformer(nn.Module):
    """Pixels in, embedding out.

    Args:
        shape: the sizes.
    """

    def __init__(self, shape: SamShape) -> None:
        super().__init__()
        self.shape = shape
        width, grid = shape.hidden_size, shape.image_size // shape.patch_size
        self.patch_embed = PatchEmbedding(width, shape.patch_size)
        self.pos_embed = nn.Parameter(torch.zeros(1, grid, grid, width))
        self.layers = nn.ModuleList(
            Layer(
                width,
                heads=shape.num_attention_heads,
                hidden=shape.mlp_dim,
                side=grid if number in shape.global_attn_indexes else shape.window_size,
            )
            for number in range(shape.num_hidden_layers)
        )
        self.neck = Neck(width, shape.prompt_width)

    def forward(self, pixels: Tensor) -> Tensor:
        """Returns the embedding (B, C, h, w) of scaled pixels (B, 3, S, S)."""
        x = self.patch_embed(pixels) + self.pos_embed
        for layer in self.layers:
            x = layer(x)
        return self.neck(x.permute(0, 3, 1, 2))  # type: ignore[no-any-return]


class PatchEmbedding(nn.Module):
    """A convolution with a stride of its kernel."""

    def __init__(self, width: int, patch: int) -> None:
        super().__init__()
        self.projection = nn.Conv2d(3, width, patch, patch)

    def forward(self, pixels: Tensor) -> Tensor:
        """Returns (B, h, w, C) of pixels (B, 3, S, S)."""
        seen = self.projection(pixels)
        # Flat for a moment: else OpenVINO, and torch without the copy, keep channels first below all that follows.
        tokens: Tensor = seen.flatten(2).transpose(1, 2).contiguous()
        return tokens.view(len(tokens), *seen.shape[2:], -1)


class Layer(nn.Module):
    """Attention, among all positions or in windows, and a perceptron, each added to its input.

    Args:
        width: channels C.
        heads: heads of the attention.
        hidden: width of the perceptron.
        side: side of a window; that of the whole grid for attention among all positions.
    """

    def __init__(self, width: int, *, heads: int, hidden: int, side: int) -> None:
        super().__init__()
        self.layer_norm1 = nn.LayerNorm(width, eps=_NORM_EPS)
        self.attn = RelativeAttention(width, heads, side)
        self.layer_norm2 = nn.LayerNorm(width, eps=_NORM_EPS)
        self.mlp = Perceptron(width, hidden)

    def forward(self, x: Tensor) -> Tensor:
        """Returns (B, h, w, C) of (B, h, w, C)."""
        x = x + self.attended(x)
        return x + self.mlp(self.layer_norm2(x))  # type: ignore[no-any-return]

    def attended(self, x: Tensor) -> Tensor:
        """Returns what attention adds to (B, h, w, C)."""
        added: Tensor = self.attn(self.layer_norm1(x))
        return added


class Perceptron(nn.Module):
    """Two linear layers with a GELU between them."""

    def __init__(self, width: int, hidden: int) -> None:
        super().__init__()
        self.lin1 = nn.Linear(width, hidden)
        self.lin2 = nn.Linear(hidden, width)

    def forward(self, x: Tensor) -> Tensor:
        """Returns a map of the shape of `x` (..., C)."""
        return self.lin2(gelu(self.lin1(x)))  # type: ignore[no-any-return]


class Neck(nn.Module):
    """A 1x1 and a 3x3 convolution, each with a norm of the channels."""

    def __init__(self, width: int, channels: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(width, channels, 1, bias=False)
        self.layer_norm1 = LayerNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.layer_norm2 = LayerNorm2d(channels)

    def forward(self, x: Tensor) -> Tensor:
        """Returns (B, channels, h, w) of (B, C, h, w)."""
        return self.layer_norm2(self.conv2(self.layer_norm1(self.conv1(x)))).contiguous()  # type: ignore[no-any-return]
