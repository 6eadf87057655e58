"""The re-stated reference does our model's arithmetic: what differs is what it spends on it."""

from __future__ import annotations

from typing import cast

import pytest
import torch

from autosam.models.hardnet_prompt import HarDNetPromptEncoder
from autosam.models.sam import tiny_sam
from autosam.models.segmenter import SamSegmenter
from bench.closeness import closeness
from bench.reference import Reference
from bench.step import segmenter


@pytest.fixture(scope="module")
def both() -> tuple[Reference, SamSegmenter]:
    torch.manual_seed(0)
    ours = segmenter(tiny_sam(), "hardnet85", 64)
    return Reference(tiny_sam(), cast("HarDNetPromptEncoder", ours.parts.g)), ours


def test_its_logits_are_ours(both: tuple[Reference, SamSegmenter]) -> None:
    reference, ours = both
    image, pixels = torch.rand(2, 3, 64, 64), torch.randn(2, 3, 64, 64)
    reference.g.eval()
    ours.train(False)
    assert ours.sam is not None
    with torch.no_grad():
        found = closeness(reference.logits(image, pixels), ours(image, ours.sam.encode(pixels)).logits)
    assert found["cosine"] > 0.99999
    assert found["greatest difference in spreads"] < 1e-3


def test_its_step_spends_what_ours_saves(both: tuple[Reference, SamSegmenter]) -> None:
    reference, ours = both
    before = reference.g.decoder.final.conv2.weight.detach().clone()
    loss = reference.step(torch.rand(2, 3, 64, 64), torch.randn(2, 3, 64, 64), torch.rand(2, 1, 64, 64).round())
    assert loss > 0
    assert not torch.equal(before, reference.g.decoder.final.conv2.weight)
    assert any(p.grad is not None for p in reference.decoder.parameters()), "the frozen decoder keeps no gradient"
    assert sum(p.numel() for p in reference.g.parameters()) > 1.5 * sum(p.numel() for p in ours.parts.g.parameters())
