"""The published HarDNets as numbers.

Source: "HarDNet: A Low Memory Traffic Network" (Chao et al., ICCV 2019), and the names and shapes in the authors'
ImageNet checkpoints.
"""

from __future__ import annotations

from dataclasses import dataclass

STRIDES = (2, 4, 8, 16, 32)


@dataclass(frozen=True, slots=True)
class Stage:
    """One block and the 1x1 convolution behind it.

    Attributes:
        channels: channels behind the 1x1 convolution.
        growth: channels of a layer with one link.
        layers: layers of the block.
        halves: whether the resolution is halved behind it.
    """

    channels: int
    growth: int
    layers: int
    halves: bool


@dataclass(frozen=True, slots=True)
class Variant:
    """The numbers of one published model.

    Attributes:
        stem: channels of the two first convolutions.
        stages: the blocks in order.
        widening: factor of a layer's channels for each link beyond the first.
        depthwise: whether a 3x3 convolution is split into a 1x1 and a depth-wise 3x3, which also takes pooling's place.
        dropout: rate in front of the last 1x1 convolution; None where the model has no such layer.
        checkpoint: file name of the official ImageNet weights.
    """

    stem: tuple[int, int]
    stages: tuple[Stage, ...]
    widening: float
    depthwise: bool
    dropout: float | None
    checkpoint: str

    @property
    def tap_channels(self) -> tuple[int, ...]:
        """Channels of the feature maps at `STRIDES`."""
        return self.stem[1], *(s.channels for i, s in enumerate(self.stages) if s.halves or i + 1 == len(self.stages))


VARIANTS: dict[str, Variant] = {
    "hardnet85": Variant(
        stem=(48, 96),
        stages=(
            Stage(192, 24, 8, True),
            Stage(256, 24, 16, False),
            Stage(320, 28, 16, True),
            Stage(480, 36, 16, False),
            Stage(720, 48, 16, True),
            Stage(1280, 256, 4, False),
        ),
        widening=1.7,
        depthwise=False,
        dropout=0.1,
        checkpoint="hardnet85-a28faa00.pth",
    ),
    "hardnet68": Variant(
        stem=(32, 64),
        stages=(
            Stage(128, 14, 8, True),
            Stage(256, 16, 16, False),
            Stage(320, 20, 16, True),
            Stage(640, 40, 16, True),
            Stage(1024, 160, 4, False),
        ),
        widening=1.7,
        depthwise=False,
        dropout=None,
        checkpoint="hardnet68-5d684880.pth",
    ),
    "hardnet39ds": Variant(
        stem=(24, 48),
        stages=(
            Stage(96, 16, 4, True),
            Stage(320, 20, 16, True),
            Stage(640, 64, 8, True),
            Stage(1024, 160, 4, False),
        ),
        widening=1.6,
        depthwise=True,
        dropout=None,
        checkpoint="hardnet39ds-0e6c6fa9.pth",
    ),
}
