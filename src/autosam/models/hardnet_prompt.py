"""The paper's g: HarDNet and a small decoder, without the embedding."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate, leaky_relu, relu

from autosam.models.hardnet import HarDNet, load_official
from autosam.models.prompt_encoder import PromptEncoder


class Up(nn.Module):
    """A map is doubled in size, joined with the finer one, and convolved twice.

    Args:
        inputs: channels of the coarse map.
        skip: channels of the fine map, and of the result.
    """

    def __init__(self, inputs: int, skip: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs + skip, skip, 3, padding=1)
        self.conv2 = nn.Conv2d(skip, skip, 3, padding=1)
        self.BN = nn.BatchNorm2d(skip)

    def forward(self, coarse: Tensor, fine: Tensor) -> Tensor:
        """Returns (B, skip, H, W) of (B, inputs, H/2, W/2) and (B, skip, H, W)."""
        x = interpolate(coarse, fine.shape[-2:], mode="bilinear", align_corners=False)
        return leaky_relu(self.BN(self.conv2(self.conv1(torch.cat([x, fine], 1)))))


class Final(nn.Module):
    """Two 3x3 convolutions from the finest map to the dense prompt's channels."""

    def __init__(self, inputs: int, channels: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, channels, 3, padding=1)
        self.BN1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """Returns (B, channels, H, W) of (B, inputs, H, W)."""
        return self.conv2(relu(self.BN1(self.conv1(x))))  # type: ignore[no-any-return]


class PromptDecoder(nn.Module):
    """From maps at strides 4, 8 and 16 to values in -1..1 at stride 4.

    Args:
        taps: channels of the maps, the finest first.
        channels: channels C of the dense prompt.
    """

    def __init__(self, taps: tuple[int, int, int], channels: int) -> None:
        super().__init__()
        fine, middle, coarse = taps
        self.up1 = Up(coarse, middle)
        self.up2 = Up(middle, fine)
        self.final = Final(fine, channels)

    def forward(self, fine: Tensor, middle: Tensor, coarse: Tensor) -> Tensor:
        """Returns (B, C, H/4, W/4)."""
        return torch.tanh(self.final(self.up2(self.up1(coarse, middle), fine)))


class HarDNetPromptEncoder(PromptEncoder):
    """g of AutoSAM (arXiv 2306.06370, section 3) over any of the HarDNets.

    HarDNet's stage of stride 32, which the published model computes and never reads, is not built.

    Args:
        name: the HarDNet's name.
        embedding_shape: (C, h, w) of the SAM's embedding.
        size: side of the image in pixels.
        weights: an official ImageNet checkpoint; None starts from scratch.

    Raises:
        ModelError: where `weights` is not that HarDNet's checkpoint.
    """

    def __init__(
        self, name: str, *, embedding_shape: tuple[int, int, int], size: int, weights: Path | None = None
    ) -> None:
        super().__init__(name=name, size=size, embedding_shape=embedding_shape)
        self.backbone = HarDNet(name)
        fine, middle, coarse = self.backbone.channels
        self.decoder = PromptDecoder((fine, middle, coarse), embedding_shape[0])
        if weights is not None:
            from autosam.models.tensors import load_tensors

            load_official(self.backbone, load_tensors(weights), weights)

    def forward(self, image: Tensor, embedding: Tensor | None = None) -> Tensor:
        """Returns the dense prompt Z (B, C, h, w) in -1..1 of RGB (B, 3, s, s) in 0..1; the embedding is not read."""
        # A CPU convolves maps that are laid out channels last several times as fast.
        pixels = self.normalise(image).contiguous(memory_format=torch.channels_last)
        prompt = self.decoder(*self.backbone(pixels))
        return interpolate(prompt, self.grid, mode="bilinear", align_corners=True)
