"""TinyViT, the image encoder of LiteMedSAM and MobileSAM (Wu et al., "TinyViT", 2022; Zhang et al., "MobileSAM", 2023).

The modules hold what inference needs and no more: batch norms are folded into their convolutions and the tables of
attention biases are spread out while a checkpoint is read (tiny_vit_weights). Activations lie in channels-last memory:
a map (B, C, H, W) and its tokens (B, H, W, C) are two views of the same bytes.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from autosam.core.precision import exact
from autosam.models.tiny_vit_blocks import EXPANSION, Block, Bottleneck


@dataclass(frozen=True, slots=True)
class TinyViTShape:
    """What tells one TinyViT from another.

    Attributes:
        image_size: side S of the square input in pixels.
        stem_kernel: side of the stem's two kernels: 3, with stride 2 each, or 1, with stride 1.
        widths: channels of the four stages; a head has 32.
        depths: blocks of the four stages.
        windows: side of the attention windows in tokens; the first stage is convolutional and ignores it.
        out_channels: channels of the embedding.
    """

    image_size: int
    stem_kernel: int
    widths: tuple[int, int, int, int] = (64, 128, 160, 320)
    depths: tuple[int, int, int, int] = (2, 2, 6, 2)
    windows: tuple[int, int, int, int] = (7, 7, 14, 7)
    out_channels: int = 256

    @property
    def first(self) -> int:
        """Side of the first stage's map."""
        return self.image_size if self.stem_kernel == 1 else self.image_size // 4

    @property
    def grid(self) -> int:
        """Side of the embedding: two of the three merges halve the map."""
        return self.first // 4


LITEMEDSAM = TinyViTShape(image_size=256, stem_kernel=1)
MOBILESAM = TinyViTShape(image_size=1024, stem_kernel=3)


class TinyViT(nn.Module):
    """The whole encoder; parts are named as in the official checkpoints."""

    def __init__(self, shape: TinyViTShape) -> None:
        super().__init__()
        self.shape = shape
        self.patch_embed = Stem(shape.widths[0], shape.stem_kernel)
        side = shape.first
        stages: list[nn.Module] = []
        for i, width in enumerate(shape.widths):
            merge: nn.Module = nn.Identity()
            stride = 2 if i < 2 else 1
            if i < 3:
                after = shape.widths[i + 1]
                merge = Bottleneck(width, after, after, side=side, stride=stride)
            if i == 0:
                blocks = [
                    Bottleneck(width, EXPANSION * width, width, side=side, residual=True)
                    for _ in range(shape.depths[i])
                ]
                stages.append(Stage(blocks, merge))
            else:
                stages.append(Stage([Block(width, side, shape.windows[i]) for _ in range(shape.depths[i])], merge))
            side //= stride
        self.layers = nn.Sequential(*stages)
        self.neck = Neck(shape.widths[3], shape.out_channels)

    def forward(self, pixels: Tensor) -> Tensor:
        """Returns the embedding (B, out_channels, grid, grid) of `pixels` (B, 3, S, S), scaled as in training."""
        x = pixels.contiguous(memory_format=torch.channels_last)
        embedding: Tensor = self.neck(self.layers(self.patch_embed(x)))
        return embedding


class Stem(nn.Module):
    """Two convolutions with a GELU between, in float32 whatever the rest is computed in.

    Rounding an image's few channels to bfloat16 is a sixth of what bfloat16 does to the embedding, and saves nothing.
    """

    full_precision = True

    def __init__(self, width: int, kernel: int) -> None:
        super().__init__()
        stride, pad = (1, 0) if kernel == 1 else (2, 1)
        half = width // 2
        self.seq = nn.Sequential(
            nn.Conv2d(3, half, kernel, stride, pad), nn.GELU(), nn.Conv2d(half, width, kernel, stride, pad)
        )

    def forward(self, x: Tensor) -> Tensor:
        """Returns (B, width, H / stride², W / stride²)."""
        with exact(x.device):
            out: Tensor = self.seq(x.to(torch.float32))
        return out


class Stage(nn.Module):
    """Blocks at one resolution, then the merge to the next."""

    def __init__(self, blocks: list[Bottleneck] | list[Block], merge: nn.Module) -> None:
        super().__init__()
        self.blocks = nn.Sequential(*blocks)
        self.downsample = merge

    def forward(self, x: Tensor) -> Tensor:
        """Returns the map of the next stage."""
        out: Tensor = self.downsample(self.blocks(x))
        return out


class Neck(nn.Module):
    """SAM's neck: 1x1, norm over channels, 3x3, norm over channels."""

    def __init__(self, width: int, out: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(width, out, 1, bias=False)
        self.norm1 = nn.LayerNorm(out, eps=1e-6)
        self.conv2 = nn.Conv2d(out, out, 3, 1, 1, bias=False)
        self.norm2 = nn.LayerNorm(out, eps=1e-6)

    def forward(self, x: Tensor) -> Tensor:
        """Returns (B, out, H, W), contiguous."""
        x = self.norm1(self.conv1(x).permute(0, 2, 3, 1)).permute(0, 3, 1, 2)
        x = self.norm2(self.conv2(x).permute(0, 2, 3, 1)).permute(0, 3, 1, 2)
        return x.contiguous()
