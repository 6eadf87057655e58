"""Stored predictions: what their values mean, and where probabilities are cut."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy.ndimage import gaussian_filter

from autosam.benchmarks.method import of_folder
from autosam.core.errors import DataError
from autosam.core.sample import Sample

SIZE = 60, 80
TWO = np.zeros(SIZE, np.uint8)
TWO[8:30, 10:34], TWO[34:52, 40:70] = 1, 2
SAMPLE = Sample("a", np.zeros((*SIZE, 3), np.uint8), TWO > 0)


def stored(folder: Path, values: np.ndarray, name: str = "a.png") -> Path:
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(values).save(folder / name)
    return folder


def test_numbered_objects_are_objects(tmp_path: Path) -> None:
    predicted = of_folder(stored(tmp_path, TWO), "instances").predict(SAMPLE)
    assert predicted.objects is not None
    np.testing.assert_array_equal(predicted.objects, TWO)


@pytest.mark.parametrize("name", ["a.png", "a.jpg"])
def test_gray_edges_are_no_numbers_of_objects(tmp_path: Path, name: str) -> None:
    soft = (255 * gaussian_filter((TWO > 0).astype(np.float64), 2)).astype(np.uint8)
    values = soft if name == "a.png" else (TWO > 0).astype(np.uint8) * 255
    with pytest.raises(DataError, match=r"number no objects.*sub-folder probabilities"):
        of_folder(stored(tmp_path, values, name), "instances").predict(SAMPLE)
    assert of_folder(tmp_path, "saliency").predict(SAMPLE).values.max() > 0.9
    inside = of_folder(stored(tmp_path / "p", soft, "probabilities/a.png"), "instances").predict(SAMPLE)
    np.testing.assert_array_equal(inside.prediction.mask, soft / np.float32(255) >= 0.5)


@pytest.mark.parametrize(("record", "cut"), [({"threshold": 0.25}, 0.25), ({}, 0.5), ({"threshold": "high"}, 0.5)])
def test_probabilities_are_cut_where_predict_cut_them(tmp_path: Path, record: dict[str, object], cut: float) -> None:
    ramp = np.tile(np.linspace(0, 255, SIZE[1]).astype(np.uint8), (SIZE[0], 1))
    stored(tmp_path, ramp, "probabilities/a.png")
    (tmp_path / "predict.json").write_text(json.dumps(record))
    prediction = of_folder(tmp_path, "instances").predict(SAMPLE).prediction
    np.testing.assert_array_equal(prediction.mask, ramp / np.float32(255) >= cut)
