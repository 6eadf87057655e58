"""Which cases are shown, and that no others are held."""

from __future__ import annotations

import gc
import weakref

import numpy as np
import pytest

from autosam.core.sample import Sample
from autosam.evaluation.case import Case
from autosam.evaluation.gallery import Gallery
from autosam.evaluation.pictures import SIDE, outlined, photograph, prompt_picture, silhouette
from autosam.inference.prediction import Prediction

TRUTH = np.eye(8, dtype=bool)


def offered(scores: list[float]) -> Gallery:
    gallery = Gallery(most=3, drawn=2)
    for index, score in enumerate(scores):
        sample = Sample(f"{index:02}", np.zeros((8, 8, 3), np.uint8), TRUTH)
        case = Case(sample.id, None, None, (8, 8), {"dice": score})
        gallery.offer(case, sample, TRUTH, Prediction(sample.id, sample.rgb(), TRUTH.astype(np.float32)))
    return gallery


def names(exhibits: list) -> list[str]:
    return [exhibit.case.id for exhibit in exhibits]


@pytest.mark.parametrize("order", [1, -1])
def test_keeps_the_extremes_whatever_the_order(order: int) -> None:
    scores = [0.1 * i for i in range(10)][::order]
    gallery = offered(scores)
    assert [e.case.scores["dice"] for e in gallery.worst()] == pytest.approx([0, 0.1, 0.2])
    assert [e.case.scores["dice"] for e in gallery.best()] == pytest.approx([0.9, 0.8, 0.7])


@pytest.mark.parametrize(("count", "worst", "best"), [(0, 0, 0), (1, 1, 0), (2, 1, 1), (5, 3, 2), (7, 3, 3)])
def test_no_case_is_shown_as_both(count: int, worst: int, best: int) -> None:
    for scores in ([0.5] * count, [i / 7 for i in range(count)]):
        gallery = offered(scores)
        assert (len(gallery.worst()), len(gallery.best())) == (worst, best)
        assert not set(names(gallery.worst())) & set(names(gallery.best()))


def test_cases_are_drawn_without_their_scores() -> None:
    assert names(offered([i / 9 for i in range(9)]).by_chance()) == names(offered([0.5] * 9).by_chance())


def test_holds_no_image() -> None:
    gallery, image = Gallery(), np.zeros((8, 8, 3), np.uint8)
    alive = weakref.ref(image)
    sample = Sample("a", image, TRUTH)
    prediction = Prediction("a", image, TRUTH.astype(np.float32))
    gallery.offer(Case("a", None, None, (8, 8), {"dice": 1.0}), sample, TRUTH, prediction)
    del sample, prediction, image
    gc.collect()
    assert alive() is None


@pytest.mark.parametrize("size", [(2, 2), (1, 3000), (600, 900), (900, 37)])
def test_pictures_are_small_whatever_the_image(size: tuple[int, int]) -> None:
    rgb, mask = np.zeros((*size, 3), np.uint8), np.ones(size, bool)
    prompt = np.random.default_rng(0).standard_normal((5, 8, 8)).astype(np.float32)
    drawn = prompt_picture("", prompt, size)
    for picture in (drawn, photograph("", rgb), outlined("", rgb, mask, ~mask), silhouette("", mask)):
        assert max(picture.width, picture.height) <= SIDE and min(picture.width, picture.height) >= 1
        assert picture.data


def test_a_constant_or_narrow_prompt_is_a_picture_too() -> None:
    for prompt in (np.ones((256, 4, 4), np.float32), np.ones((2, 4, 4), np.float32)):
        assert prompt_picture("", prompt, (40, 30)).data
