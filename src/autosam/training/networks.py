"""What is trained, and the frozen SAM that it is trained on."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from autosam.core.checks import look_up
from autosam.core.probability import Mapping
from autosam.inference.engine import device as find_device
from autosam.models.frozen_sam import FrozenSam, load_sam
from autosam.models.segmenter import Segmenter
from autosam.training.build import make_segmenter
from autosam.training.config import TrainConfig
from autosam.training.losses import LOSSES


@dataclass(frozen=True, slots=True)
class Networks:
    """What is trained, and on what.

    Attributes:
        config: the choices that they are made by.
        device: where they run.
        sam: the frozen SAM; None for a method that needs none.
        mapping: how logits become a probability.
        segmenter: what is trained, with its first weights.
        shadow: the same architecture; it holds the averaged weights.
    """

    config: TrainConfig
    device: torch.device
    sam: FrozenSam | None
    mapping: Mapping
    segmenter: Segmenter
    shadow: Segmenter

    def begin_again(self) -> None:
        """Gives the segmenter its first weights back."""
        first = make_segmenter(self.config, self.sam, self.mapping).trained().state_dict()
        self.segmenter.trained().load_state_dict(first)


def make_networks(config: TrainConfig) -> Networks:
    """Returns the networks of the choices, on the CPU until there is something for them to do.

    Raises:
        UsageError: for choices that cannot be.
        ModelError: for weights that are missing or do not fit.
    """
    _, mapping = look_up(config.loss, LOSSES, "loss")
    device = find_device(config.device)
    sam = load_sam(config.sam) if config.has_sam else None
    segmenter, shadow = (make_segmenter(config, sam, mapping) for _ in range(2))
    return Networks(config, device, sam, mapping, segmenter, shadow)
