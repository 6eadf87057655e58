"""What a training works with is made by its choices, and its first weights come back."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch

from autosam.core.errors import UsageError
from autosam.core.progress import Silent
from autosam.models.rivals import RIVALS
from autosam.training.cases import read_cases
from autosam.training.config import TrainConfig
from autosam.training.parts import find_encoder, make_encoding, make_networks


def _config(discs: Path, **choices: object) -> TrainConfig:
    fixed = {"data": discs, "sam": "tiny-random", "size": 32, "engine": "torch", "precision": "float32", "epochs": 1}
    return TrainConfig.model_validate({**fixed, **choices})


def test_first_weights_come_back(discs: Path) -> None:
    networks = make_networks(_config(discs))
    first = {name: value.clone() for name, value in networks.segmenter.trained().state_dict().items()}
    with torch.no_grad():
        for parameter in networks.segmenter.trained().parameters():
            parameter.add_(1)
    networks.begin_again()
    now = networks.segmenter.trained().state_dict()
    assert all(torch.equal(now[name], value) for name, value in first.items())


@pytest.mark.parametrize("views", [0, 2])
def test_live_views_are_not_cached_but_validation_is(discs: Path, views: int) -> None:
    config = _config(discs, views=views)
    networks = make_networks(config)
    cases = read_cases(config, Silent(), lambda: False)
    encoding = make_encoding(networks, cases, find_encoder(networks, None, lambda: math.inf))
    assert encoding.examples.live == (views == 0)
    encoding.examples.batch([(0, 1), (1, 1)])
    assert len(encoding.cache) == (2 if views else 0)
    encoding.predictor.predict(cases.val.read(0))
    assert len(encoding.cache) == (3 if views else 1)


@pytest.mark.parametrize("method", sorted(RIVALS))
def test_only_what_needs_an_embedding_has_an_encoder(discs: Path, method: str) -> None:
    networks = make_networks(_config(discs, method=method, size=64))
    encoder = find_encoder(networks, None, lambda: math.inf)
    assert (encoder is None) == (networks.segmenter.sam is None)


def test_an_augmentation_that_is_not_there_is_named(discs: Path) -> None:
    config = _config(discs, augment="histolgy")
    networks = make_networks(config)
    with pytest.raises(UsageError, match="histology"):
        make_encoding(networks, read_cases(config, Silent(), lambda: False), None)
