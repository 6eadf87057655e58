"""HarDNet: the backbones whose dense connections follow the powers of two, named as their ImageNet checkpoints.

Source: "HarDNet: A Low Memory Traffic Network" (Chao et al., ICCV 2019), sections 3 and 4; the channel counts are those
of the published ImageNet models.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor, nn

from autosam.core.checks import look_up
from autosam.core.errors import ModelError
from autosam.models.hardnet_variants import STRIDES, VARIANTS, Stage, Variant


class Convolution(nn.Module):
    """Convolution without bias, BatchNorm, ReLU6: (B, C, H, W) -> (B, channels, H/stride, W/stride)."""

    def __init__(self, inputs: int, channels: int, kernel: int, stride: int = 1) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, channels, kernel, stride, kernel // 2, bias=False)
        self.norm = nn.BatchNorm2d(channels)
        self.relu = nn.ReLU6(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        """Returns the activated map."""
        return self.relu(self.norm(self.conv(x)))  # type: ignore[no-any-return]


class DepthwiseConvolution(nn.Module):
    """Depth-wise 3x3 convolution and BatchNorm, no activation."""

    def __init__(self, channels: int, stride: int = 1) -> None:
        super().__init__()
        self.dwconv = nn.Conv2d(channels, channels, 3, stride, 1, groups=channels, bias=False)
        self.norm = nn.BatchNorm2d(channels)

    def forward(self, x: Tensor) -> Tensor:
        """Returns the normalised map."""
        return self.norm(self.dwconv(x))  # type: ignore[no-any-return]


class SeparableConvolution(nn.Module):
    """1x1 convolution with activation, then a depth-wise 3x3."""

    def __init__(self, inputs: int, channels: int) -> None:
        super().__init__()
        self.layer1 = Convolution(inputs, channels, 1)
        self.layer2 = DepthwiseConvolution(channels)

    def forward(self, x: Tensor) -> Tensor:
        """Returns the map of both."""
        return self.layer2(self.layer1(x))  # type: ignore[no-any-return]


class HarmonicBlock(nn.Module):
    """Layers of which number n is fed by the layers n - 1, n - 2, n - 4 ... for every power of two that divides n.

    Attributes:
        channels: channels that it returns: its odd layers and the last one side by side.
    """

    def __init__(self, inputs: int, stage: Stage, variant: Variant) -> None:
        super().__init__()
        widths = [inputs]
        self.links: list[list[int]] = []
        layers: list[nn.Module] = []
        for number in range(1, stage.layers + 1):
            steps = [2**power for power in range(number.bit_length()) if number % 2**power == 0]
            links = [number - step for step in steps]
            growth = float(stage.growth)
            for _ in steps[1:]:
                growth *= variant.widening
            width = int(int(growth + 1) / 2) * 2
            feed = sum(widths[link] for link in links)
            layers.append(SeparableConvolution(feed, width) if variant.depthwise else Convolution(feed, width, 3))
            widths.append(width)
            self.links.append(links)
        self.layers = nn.ModuleList(layers)
        self.kept = [n for n in range(1, stage.layers + 1) if n % 2 == 1 or n == stage.layers]
        self.channels = sum(widths[n] for n in self.kept)

    def forward(self, x: Tensor) -> Tensor:
        """Returns (B, channels, H, W) of (B, inputs, H, W)."""
        maps = [x]
        for layer, links in zip(self.layers, self.links, strict=True):
            fed = [maps[link] for link in links]
            maps.append(layer(torch.cat(fed, 1) if len(fed) > 1 else fed[0]))
        return torch.cat([maps[n] for n in self.kept], 1)


class HarDNet(nn.Module):
    """HarDNet's feature maps, built no deeper than the deepest stride that is asked for.

    Args:
        name: one of `VARIANTS`.
        strides: which of `STRIDES` to return, ascending.

    Attributes:
        channels: channels of each returned map.

    Raises:
        UsageError: where there is no such variant.
    """

    def __init__(self, name: str, strides: tuple[int, ...] = (4, 8, 16)) -> None:
        super().__init__()
        variant = look_up(name, VARIANTS, "HarDNet")
        if not strides or list(strides) != sorted(set(strides) & set(STRIDES)):
            raise ValueError(f"strides must be ascending and of {STRIDES}, not {strides}")
        self.name = name
        self.strides = strides
        self.channels = tuple(variant.tap_channels[STRIDES.index(stride)] for stride in strides)
        layers, taps = _layers(variant)
        self.taps = [taps[stride] for stride in strides]
        self.base = nn.ModuleList(layers[: self.taps[-1] + 1])

    def forward(self, pixels: Tensor) -> tuple[Tensor, ...]:
        """Returns (B, channels[i], H/strides[i], W/strides[i]) for each stride of normalised pixels (B, 3, H, W)."""
        maps = []
        for index, layer in enumerate(self.base):
            pixels = layer(pixels)
            if index in self.taps:
                maps.append(pixels)
        return tuple(maps)


def _layers(variant: Variant) -> tuple[list[nn.Module], dict[int, int]]:
    """Returns the layers in the checkpoint's order, and the index of the layer that ends each stride."""

    def pool(channels: int, kernel: int) -> nn.Module:
        if variant.depthwise:
            return DepthwiseConvolution(channels, stride=2)
        return nn.MaxPool2d(kernel, stride=2, padding=kernel // 2 if kernel == 3 else 0)

    first, channels = variant.stem
    layers: list[nn.Module] = [Convolution(3, first, 3, 2), Convolution(first, channels, 1 if variant.depthwise else 3)]
    taps = {2: 1}
    layers.append(pool(channels, 3))
    stride = 4
    for number, stage in enumerate(variant.stages, 1):
        block = HarmonicBlock(channels, stage, variant)
        layers.append(block)
        if number == len(variant.stages) and variant.dropout is not None:
            layers.append(nn.Dropout(variant.dropout))
        layers.append(Convolution(block.channels, stage.channels, 1))
        channels = stage.channels
        if stage.halves or number == len(variant.stages):
            taps[stride] = len(layers) - 1
        if stage.halves:
            layers.append(pool(channels, 2))
            stride *= 2
    return layers, taps


def load_official(backbone: HarDNet, tensors: Mapping[str, Tensor], file: Path) -> None:
    """Loads an ImageNet checkpoint under its official names; what the backbone does not build is dropped by name.

    Args:
        backbone: the model that is filled.
        tensors: the checkpoint.
        file: where it came from, for messages.

    Raises:
        ModelError: on a missing or unknown name or another shape, naming the first; nothing is loaded then.
    """
    wanted = backbone.state_dict()
    with torch.device("meta"):
        whole = HarDNet(backbone.name, STRIDES)
    classifier = f"base.{len(whole.base)}.3"
    unused = (set(whole.state_dict()) - set(wanted)) | {f"{classifier}.weight", f"{classifier}.bias"}
    cure = f"Give the official checkpoint {VARIANTS[backbone.name].checkpoint}"
    for name, tensor in wanted.items():
        if name not in tensors:
            raise ModelError(f"the tensor {name!r} of {backbone.name} is missing", file=file, cure=cure)
        if tensors[name].shape != tensor.shape:
            shapes = f"{tuple(tensors[name].shape)}, not {tuple(tensor.shape)}"
            raise ModelError(f"the tensor {name!r} of {backbone.name} has the shape {shapes}", file=file, cure=cure)
    for name in tensors:
        if name not in wanted and name not in unused:
            raise ModelError(f"the tensor {name!r} is not one of {backbone.name}", file=file, cure=cure)
    backbone.load_state_dict({name: tensors[name] for name in wanted})
