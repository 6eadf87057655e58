"""What is encoded, by what, and what of it is kept."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from autosam.core.errors import UsageError
from autosam.core.progress import Silent
from autosam.models.rivals import RIVALS
from autosam.training.cases import read_cases
from autosam.training.encoding import find_encoder, make_encoding
from autosam.training.networks import make_networks
from tests.training.small import tiny_config


@pytest.mark.parametrize("views", [0, 2])
def test_live_views_are_not_cached_but_validation_is(discs: Path, views: int) -> None:
    config = tiny_config(discs, views=views)
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
    networks = make_networks(tiny_config(discs, method=method, size=64))
    encoder = find_encoder(networks, None, lambda: math.inf)
    assert (encoder is None) == (networks.segmenter.sam is None)


def test_an_augmentation_that_is_not_there_is_named(discs: Path) -> None:
    config = tiny_config(discs, augment="histolgy")
    networks = make_networks(config)
    with pytest.raises(UsageError, match="histology"):
        make_encoding(networks, read_cases(config, Silent(), lambda: False), None)
