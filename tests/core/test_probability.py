"""Mappings from logits to probability."""

from __future__ import annotations

import torch

from autosam.core.probability import probability


def test_minmax_uses_the_valid_area_only() -> None:
    logits = torch.tensor([[[-3.0, 1.0], [5.0, 99.0]]])
    valid = torch.tensor([[[True, True], [True, False]]])
    assert torch.allclose(probability(logits, "minmax", valid), torch.tensor([[[0.0, 0.5], [1.0, 1.0]]]))


def test_each_map_has_its_own_minimum() -> None:
    mapped = probability(torch.stack([torch.arange(4.0).view(2, 2), 10 * torch.arange(4.0).view(2, 2)]), "minmax")
    assert torch.allclose(mapped[0], mapped[1])
    assert mapped.min() == 0
    assert mapped.max() == 1


def test_a_constant_map_is_finite() -> None:
    assert torch.equal(probability(torch.full((1, 2, 2), 4.0), "minmax"), torch.zeros(1, 2, 2))
