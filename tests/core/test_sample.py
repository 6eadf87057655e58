"""A sample owns its validity."""

from __future__ import annotations

import numpy as np
import pytest

from autosam.core.errors import DataError
from autosam.core.sample import Sample


@pytest.mark.parametrize("kind", [np.uint8, np.uint16, np.int32, np.float32, np.float64, np.bool_])
def test_gray_of_any_depth_becomes_rgb(kind: type) -> None:
    image = np.array([[0, 1], [0, 1]], kind) * (200 if kind is np.uint8 else 1)
    rgb = Sample("a", image).rgb()
    assert rgb.shape == (2, 2, 3)
    assert rgb.dtype == np.uint8
    assert rgb[0, 1, 0] == (200 if kind is np.uint8 else 255)


@pytest.mark.parametrize(
    ("image", "said"),
    [
        (np.zeros((2, 2, 4), np.uint8), "must be"),
        (np.zeros((2, 2, 3), np.float32), "must be"),
        (np.zeros((0, 2), np.uint8), "no pixels"),
        (np.array([[np.nan, 1.0]]), "NaN"),
        (np.array([[np.inf, 1.0]]), "infinite"),
    ],
)
def test_what_is_no_image_is_refused_by_name(image: np.ndarray, said: str) -> None:
    with pytest.raises(DataError, match=f"case7.*{said}"):
        Sample("case7", image)


def test_a_mask_of_another_size_is_refused_with_both_sizes() -> None:
    with pytest.raises(DataError, match="3 x 2 pixels, its image 5 x 4"):
        Sample("a", np.zeros((4, 5), np.uint8), np.zeros((2, 3), np.uint8))


def test_an_8_bit_image_is_not_stretched() -> None:
    image = np.array([[10, 20]], np.uint8)
    assert Sample("a", image).rgb()[0, :, 0].tolist() == [10, 20]


def test_a_range_that_no_float_holds_is_stretched_or_refused() -> None:
    wide = np.array([[-1.7e308, 0.0, 1.7e308]])
    assert Sample("a", wide).rgb()[0, :, 0].tolist() == [0, 128, 255]
    with pytest.raises(DataError, match="infinite"):
        Sample("a", np.array([[0, np.longdouble("1e4000")]]))
