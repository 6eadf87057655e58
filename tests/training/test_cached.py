"""What the cache holds is told from some of the cases."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from autosam.core.progress import Silent
from autosam.training.cached import NOTHING, Cached, look_into_cache
from autosam.training.cases import Cases, read_cases
from autosam.training.encoding import Encoding, find_encoder, make_encoding
from autosam.training.examples import fill_plain
from autosam.training.networks import make_networks
from tests.training.small import tiny_config


@pytest.fixture
def cases(discs: Path) -> Cases:
    return read_cases(tiny_config(discs), Silent(), lambda: False)


def _encoding(discs: Path, cases: Cases, views: int = 3) -> Encoding:
    networks = make_networks(tiny_config(discs, views=views))
    return make_encoding(networks, cases, find_encoder(networks, None, lambda: math.inf))


def test_an_empty_cache_saves_nothing(discs: Path, cases: Cases) -> None:
    assert look_into_cache(_encoding(discs, cases).examples, cases.val, None, 3, 1.0) == NOTHING
    assert NOTHING.encodings(3, train=10, val=4) == 34


def test_what_an_earlier_training_left_is_found_view_by_view(discs: Path, cases: Cases) -> None:
    made = _encoding(discs, cases)
    half = [(case, 1) for case in range(len(cases.train) // 2)]
    made.examples.fill([*((case, 0) for case in range(len(cases.train))), *half], Silent(), lambda: None)
    found = look_into_cache(_encoding(discs, cases).examples, cases.val, None, 3, 1000.0)
    assert found.views == pytest.approx((0, 0.5), abs=0.01)
    assert found.val == 1
    fill_plain(cases.val, made.masker, None, 1, Silent(), lambda: None)
    assert look_into_cache(_encoding(discs, cases).examples, cases.val, None, 1, 1000.0).val < 0.01


def test_live_views_are_not_looked_for(discs: Path, cases: Cases) -> None:
    _encoding(discs, cases).examples.fill([(case, 0) for case in range(8)], Silent(), lambda: None)
    assert look_into_cache(_encoding(discs, cases, views=0).examples, cases.val, None, 2, 1.0) == NOTHING


def test_an_entry_takes_no_more_than_encoding_it_anew(discs: Path, cases: Cases) -> None:
    _encoding(discs, cases).examples.fill([(case, 0) for case in range(8)], Silent(), lambda: None)
    assert look_into_cache(_encoding(discs, cases).examples, cases.val, None, 1, 1e-9).views == ()


def test_views_that_are_not_known_are_missing() -> None:
    assert Cached((0.0, 0.5), 0.25).encodings(4, train=10, val=8) == 0 + 5 + 10 + 10 + 2
