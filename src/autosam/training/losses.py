"""The loss through the frozen SAM: BCE + Dice (paper, section 3), and the form that the reference code has."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch.nn.functional import binary_cross_entropy, binary_cross_entropy_with_logits

from autosam.core.probability import Mapping, probability

Loss = Callable[[torch.Tensor, torch.Tensor, torch.Tensor], torch.Tensor]

SMOOTH = 1.0


def bce_dice(logits: torch.Tensor, target: torch.Tensor, valid: torch.Tensor) -> torch.Tensor:
    """Returns BCE with logits plus soft Dice loss, a scalar, both over the un-padded area.

    Each image weighs the same: BCE is the mean over an image's valid pixels, Dice is one image's, smoothed by 1.

    Args:
        logits: (B, 1, h, w).
        target: (B, 1, h, w) in 0..1.
        valid: (B, 1, h, w) in 0 and 1.
    """
    pixels = binary_cross_entropy_with_logits(logits, target, reduction="none")
    return _per_image(pixels, torch.sigmoid(logits), target, valid)


def minmax(logits: torch.Tensor, target: torch.Tensor, valid: torch.Tensor) -> torch.Tensor:
    """Returns BCE plus soft Dice loss of logits mapped to 0..1 by each image's own minimum and maximum.

    So the paper's reference code has it; no empty mask can exist under it, and its probabilities are not calibrated.
    Shapes as in `bce_dice`.
    """
    mapped = probability(logits, "minmax", valid > 0)
    return _per_image(binary_cross_entropy(mapped, target, reduction="none"), mapped, target, valid)


def _per_image(pixels: torch.Tensor, chance: torch.Tensor, target: torch.Tensor, valid: torch.Tensor) -> torch.Tensor:
    area = (1, 2, 3)
    cross_entropy = (pixels * valid).sum(area) / valid.sum(area).clamp(min=1)
    both = (chance * target * valid).sum(area)
    total = ((chance + target) * valid).sum(area)
    dice = 1 - (2 * both + SMOOTH) / (total + SMOOTH)
    return (cross_entropy + dice).mean()


LOSSES: dict[str, tuple[Loss, Mapping]] = {"bce-dice": (bce_dice, "sigmoid"), "minmax": (minmax, "minmax")}
