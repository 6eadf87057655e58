"""Which labels are foreground is said or plain, never guessed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image

from autosam.core.errors import DataError, UsageError
from autosam.data.foreground import Foreground, Marks, value_counts
from autosam.data.images import read_mask

FILE = Path("mask.png")
SHAPE = st.tuples(st.integers(1, 9), st.integers(1, 9))


@given(arrays(np.bool_, SHAPE), st.integers(1, 65535))
def test_zero_and_one_value_are_binary(mask: np.ndarray, mark: int) -> None:
    np.testing.assert_array_equal(Foreground().binary(mask.astype(np.int64) * mark, FILE), mask)


@given(arrays(np.uint8, SHAPE, elements=st.integers(0, 6)), st.integers(-2, 7))
def test_rules_say_what_they_mean(labels: np.ndarray, number: int) -> None:
    for text, expected in (
        (f"> {number}", labels.astype(int) > number),
        (f">={number}", labels.astype(int) >= number),
        (f"<  {number}", labels.astype(int) < number),
        (f"{number}, {number + 2}", np.isin(labels, [number, number + 2])),
        ("nonzero", labels != 0),
    ):
        rule = Foreground.parse(text)
        np.testing.assert_array_equal(rule.binary(labels, FILE), expected)
        assert Foreground.parse(rule.text) == rule


@given(arrays(np.int32, SHAPE, elements=st.integers(-3, 300)))
def test_auto_is_binary_or_asks(labels: np.ndarray) -> None:
    values = set(np.unique(labels).tolist())
    plain = values <= {0} or (len(values - {0}) == 1 and max(values) > 0 and min(values) >= 0)
    if plain:
        np.testing.assert_array_equal(Foreground().binary(labels, FILE), labels != 0)
        return
    with pytest.raises(DataError) as caught:
        Foreground().binary(labels, FILE)
    assert caught.value.exit_code == 3
    assert "--foreground" in str(caught.value.cure)
    assert "mask.png" in caught.value.message


def test_values_are_listed_with_shares() -> None:
    labels = np.array([[0, 0, 1, 2]])
    with pytest.raises(DataError, match=r"3 values: 0 \(50\.0%\), 1 \(25\.0%\), 2 \(25\.0%\)") as caught:
        Foreground().binary(labels, FILE)
    assert "--foreground 1,2" in str(caught.value.cure)
    with pytest.raises(DataError, match="and 88 more"):
        Foreground().binary(np.arange(100).reshape(10, 10), FILE)


def test_jpeg_mask_names_the_threshold(tmp_path: Path) -> None:
    mask = np.zeros((64, 64), np.uint8)
    mask[20:44, 9:50] = 255
    Image.fromarray(mask).save(tmp_path / "mask.jpg", quality=75)
    labels = read_mask(tmp_path / "mask.jpg")
    with pytest.raises(DataError) as caught:
        Foreground().binary(labels, tmp_path / "mask.jpg")
    assert '--foreground "> 127"' in str(caught.value.cure)
    np.testing.assert_array_equal(Foreground.parse("> 127").binary(labels, FILE), mask > 0)


@pytest.mark.parametrize("text", ["", "x", "> ", "1,,2", "> 1.5", "!= 3", "=> 3"])
def test_other_rules_are_refused(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        Foreground.parse(text)
    assert caught.value.exit_code == 2


def test_one_class_a_mask_is_not_one_class() -> None:
    marks = Marks()
    for mark in (1, 255, 0, 65535, 1):
        marks.add(np.array([[0, mark]]), "a.png")
    with pytest.raises(DataError, match="several classes"):
        marks.add(np.array([[0, 2]]), "b.png")
    marks.add(np.array([[0, 1]]), "c.png")


@given(arrays(np.uint8, SHAPE))
def test_counts(labels: np.ndarray) -> None:
    assert value_counts(labels) == value_counts(labels.astype(np.int64))
    assert sum(value_counts(labels).values()) == labels.size
