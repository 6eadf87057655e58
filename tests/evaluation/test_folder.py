"""Masks of others, found by their case's name."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from autosam.core.errors import DataError
from autosam.core.sample import Sample
from autosam.data.foreground import Foreground
from autosam.evaluation import evaluate, predictions_from

TRUTH = np.eye(6, 9, dtype=bool)


def sample(name: str) -> Sample:
    return Sample(name, np.zeros((6, 9, 3), np.uint8), TRUTH)


def store(file: Path, mask: np.ndarray) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(mask).save(file)


@pytest.mark.parametrize("name", ["a", "patient 1/a", "a.b"])
@pytest.mark.parametrize("place", ["masks/{}.png", "{}.png", "{}.tif", "masks/{}.bmp"])
@pytest.mark.parametrize("value", [1, 255])
def test_finds_the_mask_of_a_case(tmp_path: Path, name: str, place: str, value: int) -> None:
    store(tmp_path / place.format(name), TRUTH.astype(np.uint8) * value)
    assert (predictions_from(tmp_path)(sample(name)).mask == TRUTH).all()


def test_an_id_with_its_extension_is_exact(tmp_path: Path) -> None:
    store(tmp_path / "a.png", TRUTH.astype(np.uint8))
    store(tmp_path / "a.bmp", (~TRUTH).astype(np.uint8))
    assert (predictions_from(tmp_path)(sample("a.bmp")).mask == ~TRUTH).all()
    with pytest.raises(DataError, match="several"):
        predictions_from(tmp_path)(sample("a"))


def test_rule_of_foreground(tmp_path: Path) -> None:
    store(tmp_path / "a.png", TRUTH.astype(np.uint8) * 2 + np.tri(6, 9, -1, dtype=np.uint8))
    with pytest.raises(DataError):
        predictions_from(tmp_path)(sample("a"))
    assert (predictions_from(tmp_path, Foreground.parse("2"))(sample("a")).mask == TRUTH).all()


def test_missing_and_wrong_ones_are_listed_and_the_rest_scored(tmp_path: Path) -> None:
    store(tmp_path / "good.png", TRUTH.astype(np.uint8) * 255)
    store(tmp_path / "small.png", TRUTH[:3].astype(np.uint8))
    (tmp_path / "torn.png").write_bytes(b"not a picture")
    cases = [sample(name) for name in ("good", "small", "torn", "none")]
    report = evaluate(cases, predictions_from(tmp_path))
    assert [case.scores["dice"] for case in report.cases] == [1, 0, 0, 0]
    assert [case.id for case in report.failures] == ["small", "torn", "none"]
    assert "9 x 3" in (report.cases[1].error or "")
    assert report.summary()["calibration"] is None


def test_refuses_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no such folder"):
        predictions_from(tmp_path / "none")
