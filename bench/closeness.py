"""How close two results of one work are."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch


def closeness(first: torch.Tensor, second: torch.Tensor) -> dict[str, float]:
    """Returns the cosine of two maps of logits, their greatest difference in spreads of the first, the masks' IoU."""
    both, either = ((first > 0) & (second > 0)).sum(), ((first > 0) | (second > 0)).sum()
    return {
        "cosine": float(torch.cosine_similarity(first.flatten(), second.flatten(), dim=0)),
        "greatest difference in spreads": float((first - second).abs().max() / first.std()),
        "mask IoU": 1.0 if not either else float(both / either),
    }


def iou(first: npt.NDArray[np.bool_], second: npt.NDArray[np.bool_]) -> float:
    """Returns the IoU of two masks; 1 where both are empty."""
    either = int((first | second).sum())
    return 1.0 if either == 0 else float((first & second).sum() / either)
