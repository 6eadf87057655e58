"""A training's networks can begin again."""

from __future__ import annotations

from pathlib import Path

import torch

from autosam.training.networks import make_networks
from tests.training.small import tiny_config


def test_first_weights_come_back(discs: Path) -> None:
    networks = make_networks(tiny_config(discs))
    first = {name: value.clone() for name, value in networks.segmenter.trained().state_dict().items()}
    with torch.no_grad():
        for parameter in networks.segmenter.trained().parameters():
            parameter.add_(1)
    networks.begin_again()
    now = networks.segmenter.trained().state_dict()
    assert all(torch.equal(now[name], value) for name, value in first.items())
