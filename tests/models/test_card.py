"""What a card may ask for."""

from __future__ import annotations

from dataclasses import replace

import pytest

from autosam.models.card import Card

CARD = Card("tiny-random", "", "sam-features", 32, (32, 4, 4))


@pytest.mark.parametrize("tile", [None, 32, 1 << 13, 20_000])
def test_any_tile_that_can_be_trained_can_be_opened(tile: int | None) -> None:
    assert replace(CARD, tile=tile).misfits() == []


@pytest.mark.parametrize(
    "change", [{"tile": 0}, {"tile": 2.5}, {"size": 1 << 14}, {"embedding_shape": (1 << 14, 4, 4)}]
)
def test_what_cannot_be_is_named(change: dict[str, object]) -> None:
    assert replace(CARD, **change).misfits() == [next(iter(change)).replace("_", " ")]  # type: ignore[arg-type]
