"""Names that pair, and those that do not: whatever the order, the extension, the alphabet."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autosam.core.errors import DataError
from autosam.data.matching import MASK_ENDING, match

_LETTERS = st.characters(whitelist_categories=("Lu", "Ll", "Lo", "Nd"), whitelist_characters="-. ")
stems = st.text(_LETTERS, min_size=1, max_size=12).filter(
    lambda stem: stem.strip(". ") == stem and not MASK_ENDING.search(stem)
)
names = st.lists(stems, min_size=1, max_size=8, unique=True)
suffixes = st.sampled_from([".png", ".jpg", ".tif", ".BMP"])
endings = st.sampled_from(["", "_mask", "_anno", "_gt", "_seg"])


def _files(found: list[str], suffix: str, ending: str = "") -> dict[str, Path]:
    return {f"{name}{ending}{suffix}": Path(f"{name}{ending}{suffix}") for name in found}


@given(names, suffixes, suffixes, endings, st.randoms())
def test_every_image_finds_its_own_mask_in_any_order(found, one, other, ending, draw) -> None:  # type: ignore[no-untyped-def]
    shuffled = list(found)
    draw.shuffle(shuffled)
    pairs = match(_files(found, one), _files(shuffled, other, ending), Path("root"))
    assert sorted(pair.name for pair in pairs) == sorted(found)
    for pair in pairs:
        assert pair.image == Path(pair.name + one)
        assert pair.mask == Path(pair.name + ending + other)


@given(names, suffixes, st.data())
def test_a_missing_mask_is_named(found, suffix, data) -> None:  # type: ignore[no-untyped-def]
    lost = data.draw(st.sampled_from(found))
    masks = _files([name for name in found if name != lost], suffix)
    if not masks:
        masks = {"zzz-stranger.png": Path("zzz-stranger.png")}
    with pytest.raises(DataError) as told:
        match(_files(found, suffix), masks, Path("root"))
    assert lost + suffix in told.value.message


@given(names, st.data())
def test_a_doubled_image_is_named(found, data) -> None:  # type: ignore[no-untyped-def]
    twice = data.draw(st.sampled_from(found))
    images = _files(found, ".png") | _files([twice], ".jpg")
    with pytest.raises(DataError) as told:
        match(images, _files(found, ".png"), Path("root"))
    assert f"{twice}.png" in told.value.message
    assert f"{twice}.jpg" in told.value.message
    assert "too many" in told.value.message


@given(names, suffixes)
def test_the_digits_of_a_channel_are_no_part_of_a_name(found, suffix) -> None:  # type: ignore[no-untyped-def]
    pairs = match(_files(found, suffix, "_0000"), _files(found, suffix), Path("root"))
    assert sorted(pair.name for pair in pairs) == sorted(found)
