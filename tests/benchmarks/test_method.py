"""Stored predictions: what their values mean, and where probabilities are cut."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy.ndimage import gaussian_filter

from autosam.benchmarks.common_views import reference_scores
from autosam.benchmarks.method import of_folder
from autosam.benchmarks.names import BENCHMARKS
from autosam.benchmarks.view import Scene
from autosam.core.errors import DataError
from autosam.core.probability import logits
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


# What lies mostly far below zero: its sigmoid is steep where its logits are even.
LOGITS = (18 * gaussian_filter((TWO > 0).astype(np.float64), 4) - 11).astype(np.float32)


@pytest.mark.parametrize("depth", [np.uint8, np.uint16])
def test_stored_probabilities_are_stretched_as_the_logits_of_a_run(tmp_path: Path, depth: type) -> None:
    full = np.iinfo(depth).max
    chance = (1 / (1 + np.exp(-LOGITS.astype(np.float64)))).astype(np.float32)
    np.testing.assert_allclose(logits(chance), LOGITS, atol=1e-4)
    stored(tmp_path, np.rint(chance * full).astype(depth), "probabilities/a.png")
    predicted = of_folder(tmp_path, "instances").predict(SAMPLE)
    end = np.log(2 * full - 1)
    assert predicted.values.min() == pytest.approx(max(-end, LOGITS.min()), rel=0.05)
    if depth == np.uint16:
        inside = 4 - end < LOGITS
        np.testing.assert_allclose(predicted.values[inside], LOGITS[inside], atol=0.05)
        run, maps, bent = (
            reference_scores(TWO > 0, values, 64)["dice"] for values in (LOGITS, predicted.values, chance)
        )
        assert maps == pytest.approx(run, abs=0.01)
        assert bent != pytest.approx(run, abs=0.05)


def test_a_mask_has_no_logits_and_says_so_under_that_view_alone(tmp_path: Path) -> None:
    method = of_folder(stored(tmp_path, (TWO > 0).astype(np.uint8) * 255), "saliency")
    np.testing.assert_array_equal(np.unique(method.predict(SAMPLE).values), [0, 1])
    assert not method.marks
    assert list(method.cautions) == ["reference-code"]


@pytest.mark.parametrize("value", [0.0, -20.0, 3.0])
def test_a_constant_map_alone_has_an_empty_mask(value: float) -> None:
    truth = TWO > 0
    assert reference_scores(truth, np.full(SIZE, value, np.float32), 64)["dice"] == 0
    ramp = np.tile(np.linspace(value, value + 1e-2, SIZE[1], dtype=np.float32), (SIZE[0], 1))
    assert 0 < reference_scores(np.ones(SIZE, bool), ramp, 64)["dice"] < 1


@pytest.mark.parametrize("name", ["polyps", "sunseg"])
def test_levels_of_a_map_of_8_bit_stay_what_they_are(tmp_path: Path, name: str) -> None:
    gray = np.random.default_rng(0).integers(46, 132, SIZE).astype(np.uint8)
    predicted = of_folder(stored(tmp_path, gray), "saliency").predict(SAMPLE)
    view, truth, made = BENCHMARKS[name].views["official"], TWO > 0, predicted.prediction
    assert view.score is not None
    assert predicted.gray is not None
    scores = view.score(
        Scene(TWO, truth, made.probability, made.mask, None, predicted.values, predicted.gray),
    )
    masks = [(gray.astype(int) - 46) * 255 // (131 - 46) >= level for level in range(256)]
    wanted = [2 * (mask & truth).sum() / (mask.sum() + truth.sum()) for mask in masks]
    np.testing.assert_allclose(scores["max_dice"], wanted, rtol=1e-12)
