"""HarDNet as a plain segmentation network: g's backbone and its joins with a head of their own, without any SAM."""

from __future__ import annotations

from torch import Tensor, nn

from autosam.models.hardnet import HarDNet
from autosam.models.hardnet_prompt import Up

HEAD_WIDTH = 64
BACKBONE = "hardnet85"


class HarDNetSegmentation(nn.Module):
    """What the paper calls FCN: the HarDNet of g, its maps at strides 16, 8 and 4 joined, and one logit a position.

    Args:
        name: the HarDNet's name.
    """

    def __init__(self, name: str = BACKBONE) -> None:
        super().__init__()
        self.backbone = HarDNet(name)
        fine, middle, coarse = self.backbone.channels
        self.up1 = Up(coarse, middle)
        self.up2 = Up(middle, fine)
        self.head = nn.Sequential(
            nn.Conv2d(fine, HEAD_WIDTH, 3, padding=1, bias=False),
            nn.BatchNorm2d(HEAD_WIDTH),
            nn.ReLU(inplace=True),
            nn.Conv2d(HEAD_WIDTH, 1, 1),
        )

    def forward(self, image: Tensor) -> Tensor:
        """Returns logits (B, 1, s / 4, s / 4) of a normalised image (B, 3, s, s)."""
        fine, middle, coarse = self.backbone(image)
        return self.head(self.up2(self.up1(coarse, middle), fine))  # type: ignore[no-any-return]
