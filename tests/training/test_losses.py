"""The losses against slow re-statements in numpy."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from autosam.training.losses import LOSSES, bce_dice, minmax


def _case(seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    logits = rng.normal(0, 3, (3, 1, 5, 6)).astype(np.float32)
    target = (rng.random((3, 1, 5, 6)) > 0.6).astype(np.float32)
    valid = np.ones_like(target)
    valid[0, :, 3:], valid[1, :, :, 4:] = 0, 0
    return logits, target, valid


def _slow(chance: np.ndarray, target: np.ndarray, valid: np.ndarray) -> float:
    totals = []
    for image in range(len(chance)):
        entropy, both, mass, area = 0.0, 0.0, 0.0, 0
        for y, x in np.argwhere(valid[image, 0] > 0):
            p, t = float(chance[image, 0, y, x]), float(target[image, 0, y, x])
            low = max(np.log(p), -100) if p > 0 else -100.0
            high = max(np.log(1 - p), -100) if p < 1 else -100.0
            entropy -= t * low + (1 - t) * high
            both, mass, area = both + p * t, mass + p + t, area + 1
        totals.append(entropy / area + 1 - (2 * both + 1) / (mass + 1))
    return float(np.mean(totals))


@pytest.mark.parametrize("seed", range(5))
def test_bce_dice_is_its_restatement(seed: int) -> None:
    logits, target, valid = _case(seed)
    chance = 1 / (1 + np.exp(-logits.astype(np.float64)))
    got = bce_dice(*map(torch.from_numpy, (logits, target, valid)))
    assert float(got) == pytest.approx(_slow(chance, target, valid), rel=1e-5)


@pytest.mark.parametrize("seed", range(5))
def test_minmax_is_its_restatement(seed: int) -> None:
    logits, target, valid = _case(seed)
    mapped = np.zeros_like(logits, np.float64)
    for image in range(len(logits)):
        inside = logits[image][valid[image] > 0]
        mapped[image] = np.clip((logits[image] - inside.min()) / (inside.max() - inside.min()), 0, 1)
    got = minmax(*map(torch.from_numpy, (logits, target, valid)))
    assert float(got) == pytest.approx(_slow(mapped, target, valid), rel=1e-4)


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("share", [0.0, 1.0])
def test_empty_and_full_masks_have_a_finite_loss_and_gradient(name: str, share: float) -> None:
    logits = torch.randn(2, 1, 4, 4, requires_grad=True)
    target = torch.full((2, 1, 4, 4), share)
    loss = LOSSES[name][0](logits, target, torch.ones_like(target))
    loss.backward()
    assert torch.isfinite(loss)
    assert logits.grad is not None
    assert torch.isfinite(logits.grad).all()


@pytest.mark.parametrize("name", LOSSES)
def test_padding_counts_for_nothing(name: str) -> None:
    logits, target, valid = map(torch.from_numpy, _case(0))
    other = torch.where(valid > 0, logits, torch.tensor(50.0))
    assert torch.allclose(
        LOSSES[name][0](logits, target, valid), LOSSES[name][0](other, 1 - valid + target * valid, valid)
    )
