"""From logits to a probability, by the rule that the model was trained with, and back from a sigmoid's."""

from __future__ import annotations

from typing import Literal

import numpy as np
import numpy.typing as npt
import torch

Mapping = Literal["sigmoid", "minmax"]

# The least float32 with all its digits, and from 1 to the next one below it.
_TINY, _BELOW_ONE = 2.0**-126, 2.0**-24


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


def logits(chance: npt.NDArray[np.float32], step: float = 0.0) -> npt.NDArray[np.float32]:
    """Returns the logits of a sigmoid's float32 probabilities in 0..1, finite everywhere.

    Args:
        chance: of any shape.
        step: between two neighbouring values where they were rounded to be stored. What was rounded to 0 or 1 was less
            than half a step away, and is taken to have been just that; 0 where nothing was rounded.
    """
    low, high = max(_TINY, step / 2), max(_BELOW_ONE, step / 2)
    inside = chance.clip(np.float32(low), np.float32(1 - high))
    return np.asarray(np.log(inside) - np.log1p(-inside), np.float32)
