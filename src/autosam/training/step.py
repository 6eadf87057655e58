"""One step: losses, their gradient, and the optimiser."""

from __future__ import annotations

import math

import torch
from torch import nn
from torch.nn.functional import interpolate

from autosam.core.precision import DTYPES, computing
from autosam.models.segmenter import Masks, Segmenter, Trained
from autosam.training.examples import Batch
from autosam.training.losses import Loss

CLIP = 1.0


def update(
    segmenter: Segmenter,
    optimiser: torch.optim.Optimizer,
    batch: Batch,
    loss_of: Loss,
    rate: float,
    device: torch.device,
    precision: str = "float32",
    *,
    at_once: int | None = None,
) -> tuple[float, float | None] | None:
    """Takes one optimiser step, its products in `precision`; losses, weights and their sums are in float32.

    At most `at_once` images pass through the networks together; g's gradient is that of the mean over the whole batch
    all the same (but batch norms see the part alone, as h sees half of each part).

    Returns:
        The losses of the mask and of the surrogate's (None for a segmenter without one); None where the loss or
        its gradient is not finite: no optimiser step was taken then.
    """
    segmenter.train(True)
    optimiser.zero_grad(set_to_none=True)
    first, second = 0.0, None
    for part in batch.parts(at_once or len(batch.ids)):
        loss, beside = _losses(segmenter, part, loss_of, device, precision)
        share = len(part.ids) / len(batch.ids)
        torch.autograd.backward((loss if beside is None else loss + beside) * share)
        first += loss.item() * share
        if beside is not None:
            second = (second or 0.0) + beside.item() * share
    norms = [nn.utils.clip_grad_norm_(part.parameters(), CLIP).item() for part in _apart(segmenter.trained())]
    if not all(math.isfinite(value) for value in (first, second, *norms) if value is not None):
        return None
    for group in optimiser.param_groups:
        group["lr"] = rate
    optimiser.step()
    return first, second


def _apart(trained: nn.Module) -> list[nn.Module]:
    """Returns what gradients are clipped together: g and h each by itself, since h inspects g and must not shape it."""
    return [trained.g, trained.h] if isinstance(trained, Trained) else [trained]


def _losses(
    segmenter: Segmenter, batch: Batch, loss_of: Loss, device: torch.device, precision: str
) -> tuple[torch.Tensor, torch.Tensor | None]:
    """Returns the losses of the mask and of the surrogate's, None where there is none."""
    target, valid = batch.target.to(device), batch.valid.to(device)
    # In the precision of the products that it enters, all that follows moves half of the bytes.
    embedding = None if batch.embedding is None else batch.embedding.last(device, DTYPES[precision])
    with computing(precision, device):
        masks = segmenter(batch.image.to(device), embedding)
    return losses_of(masks, target, valid, loss_of)


def losses_of(
    masks: Masks, target: torch.Tensor, valid: torch.Tensor, loss_of: Loss
) -> tuple[torch.Tensor, torch.Tensor | None]:
    """Returns the losses of the mask and of the surrogate's (None where there is none) for a truth (B, 1, s, s)."""
    loss = loss_of(to_size(masks.logits.float(), target), target, valid)
    if masks.surrogate is None:
        return loss, None
    seen = slice(len(masks.surrogate))
    return loss, loss_of(to_size(masks.surrogate.float(), target), target[seen], valid[seen])


def to_size(logits: torch.Tensor, like: torch.Tensor) -> torch.Tensor:
    """Returns logits (B, 1, h, w) at the height and width of `like`, interpolated bilinearly."""
    if logits.shape[-2:] == like.shape[-2:]:
        return logits
    return interpolate(logits, like.shape[-2:], mode="bilinear", align_corners=False)
