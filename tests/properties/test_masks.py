"""One mask in every encoding that people save masks in: the same labels, the same foreground."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import tifffile
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from autosam.core.errors import DataError
from autosam.data.foreground import Foreground
from autosam.data.images import read_mask

Mask = npt.NDArray[np.bool_]


@st.composite
def masks(draw: st.DrawFn) -> Mask:
    """A mask of any small size, empty and full ones among them."""
    size = draw(st.integers(1, 40)), draw(st.integers(1, 40))
    share = draw(st.sampled_from([0.0, 0.1, 0.5, 1.0]))
    return np.random.default_rng(draw(st.integers(0, 2**32 - 1))).random(size) < share


def _palette(mask: Mask, file: Path) -> None:
    picture = Image.fromarray(mask.astype(np.uint8), "P")
    picture.putpalette([10, 200, 30, 250, 0, 90])
    picture.save(file)


def _gray(mask: Mask, value: int) -> Image.Image:
    return Image.fromarray(mask.astype(np.uint8) * np.uint8(value))


def _few_colours(mask: Mask, file: Path) -> None:
    """As programs save few colours: in a palette, numbered as they like."""
    _gray(mask, 255).convert("RGB").quantize(2).save(file)


def _white_first(mask: Mask, file: Path) -> None:
    picture = Image.fromarray((~mask).astype(np.uint8), "P")
    picture.putpalette([255, 255, 255, 0, 0, 0])
    picture.save(file)


ENCODINGS: dict[str, Callable[[Mask, Path], None]] = {
    "1.png": lambda mask, file: _gray(mask, 1).save(file),
    "255.png": lambda mask, file: _gray(mask, 255).save(file),
    "255.bmp": lambda mask, file: _gray(mask, 255).save(file),
    "255.tif": lambda mask, file: _gray(mask, 255).save(file),
    "deep.png": lambda mask, file: Image.fromarray(mask.astype(np.uint16) * 65535).save(file),
    "labels.tif": lambda mask, file: tifffile.imwrite(file, mask.astype(np.uint16)),
    "whole.tif": lambda mask, file: tifffile.imwrite(file, mask.astype(np.float32)),
    "packed.tif": lambda mask, file: tifffile.imwrite(file, mask.astype(np.int32), compression="zlib"),
    "bit.png": lambda mask, file: Image.fromarray(mask).save(file),
    "bit.tif": lambda mask, file: Image.fromarray(mask).save(file),
    "palette.png": _palette,
    "colours.png": _few_colours,
    "colours.bmp": _few_colours,
    "colours.tif": _few_colours,
    "white-first.png": _white_first,
    "white-first.gif": _white_first,
    "rgb.gif": lambda mask, file: _gray(mask, 255).convert("RGB").save(file),
    "rgb.png": lambda mask, file: _gray(mask, 255).convert("RGB").save(file),
    "rgba.png": lambda mask, file: _gray(mask, 255).convert("RGBA").save(file),
    "la.png": lambda mask, file: _gray(mask, 255).convert("LA").save(file),
}


@pytest.mark.parametrize("name", ENCODINGS)
@given(mask=masks())
def test_the_foreground_is_the_same(tmp_path_factory: pytest.TempPathFactory, name: str, mask: Mask) -> None:
    file = tmp_path_factory.getbasetemp() / f"property-{name}"
    ENCODINGS[name](mask, file)
    labels = read_mask(file)
    assert labels.shape == mask.shape
    assert labels.dtype.kind in "ui"
    # A full mask has one value only: where that is not 0 it is the foreground.
    assert np.array_equal(Foreground().binary(labels, file), mask)


@given(mask=masks(), values=st.lists(st.integers(2, 254), min_size=2, max_size=4, unique=True))
def test_several_values_are_never_guessed(
    tmp_path_factory: pytest.TempPathFactory, mask: Mask, values: list[int]
) -> None:
    wide = np.zeros((len(values) + 1, 8), np.uint8)
    wide[1:] = np.array(values, np.uint8)[:, None]
    file = tmp_path_factory.getbasetemp() / "property-classes.png"
    Image.fromarray(wide).save(file)
    labels = read_mask(file)
    with pytest.raises(DataError, match="--foreground"):
        Foreground().binary(labels, file)
    chosen = Foreground.parse(str(values[0])).binary(labels, file)
    assert np.array_equal(chosen, wide == values[0])


@given(st.one_of(
    st.sampled_from(["auto", "nonzero"]),
    st.builds("{} {}".format, st.sampled_from([">", ">=", "<"]), st.integers(-500, 70000)),
    st.lists(st.integers(-9, 70000), min_size=1, max_size=6).map(lambda labels: ",".join(map(str, labels))),
))  # fmt: skip
def test_a_rule_is_what_its_text_says(text: str) -> None:
    rule = Foreground.parse(text)
    assert Foreground.parse(rule.text) == rule
