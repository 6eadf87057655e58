"""From logits to a probability, by the rule that the model was trained with."""

from __future__ import annotations

from typing import Literal

import torch

Mapping = Literal["sigmoid", "minmax"]


def probability(logits: torch.Tensor, mapping: Mapping, valid: torch.Tensor | None = None) -> torch.Tensor:
    """Returns values in 0..1 of the shape of `logits` (..., h, w).

    Args:
        logits: mask logits.
        mapping: "sigmoid"; or "minmax", each map's own minimum and maximum to 0 and 1 as the paper's reference code
            does it, under which no empty mask can exist (a constant map becomes 0).
        valid: (..., h, w) bool, the un-padded area; with "minmax" only it gives the minimum and maximum. None for all.
    """
    if mapping == "sigmoid":
        return torch.sigmoid(logits)
    if valid is None:
        valid = torch.ones_like(logits, dtype=torch.bool)
    low = logits.masked_fill(~valid, torch.inf).amin((-2, -1), keepdim=True)
    high = logits.masked_fill(~valid, -torch.inf).amax((-2, -1), keepdim=True)
    return ((logits - low) / (high - low).clamp(min=1e-8)).clamp(0, 1)
