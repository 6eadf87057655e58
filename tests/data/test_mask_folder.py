"""Masks found by their case's name."""

from __future__ import annotations

import unicodedata
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from autosam.core.errors import DataError
from autosam.core.sample import Sample
from autosam.data.mask_folder import MaskFolder

MASK = np.eye(4, 5, dtype=np.uint8)


def sample(name: str) -> Sample:
    return Sample(name, np.zeros((4, 5, 3), np.uint8))


def store(file: Path, value: int) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(MASK * np.uint8(value)).save(file)


def test_the_first_place_that_has_a_case_counts(tmp_path: Path) -> None:
    store(tmp_path / "first" / "a.png", 1)
    store(tmp_path / "second" / "a.png", 2)
    store(tmp_path / "second" / "b.png", 2)
    store(tmp_path / "c.png", 3)
    masks = MaskFolder(tmp_path, ("first", "none", "second"))
    found = [masks.read(sample(name)) for name in "abc"]
    assert [(int(labels.max()), place) for labels, _, place in found] == [(1, "first"), (2, "second"), (3, "")]
    assert found[1][1] == tmp_path / "second" / "b.png"


@pytest.mark.parametrize("stored", ["NFC", "NFD"])
@pytest.mark.parametrize("asked", ["NFC", "NFD"])
def test_one_name_in_two_unicode_forms_is_one_name(tmp_path: Path, stored: str, asked: str) -> None:
    store(tmp_path / f"{unicodedata.normalize(stored, 'é')}.png", 1)
    MaskFolder(tmp_path, ()).read(sample(unicodedata.normalize(asked, "é")))


def test_hidden_files_are_no_masks(tmp_path: Path) -> None:
    store(tmp_path / "a.png", 1)
    (tmp_path / "._a.png").write_bytes(b"a resource fork")
    MaskFolder(tmp_path, ()).read(sample("a"))
    with pytest.raises(DataError, match="no prediction for b"):
        MaskFolder(tmp_path, ()).read(sample("b"))
