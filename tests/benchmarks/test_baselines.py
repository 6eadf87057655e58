"""A prompted SAM as a method: geometry on a SAM that does as it is told, and every baseline on a tiny one."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.ndimage import label

from autosam.benchmarks.baselines import BASELINES, NOWHERE, of_baseline
from autosam.core.letterbox import Frame, PixelRule
from autosam.core.prompt import ImageEmbedding, Prompt
from autosam.core.sample import Sample
from autosam.models.frozen_sam import SAMS
from autosam.models.sam import tiny_sam

CPU = torch.device("cpu")
SIDE = 256


class Echo:
    """A SAM whose mask is the box that it was told, a disc about its points, or the mask prompt's positive part."""

    name = "echo"
    rule = PixelRule(SIDE)
    embedding_shape = (8, 64, 64)
    trained_prompts = frozenset({"point", "box", "mask"})
    code_version = 1
    quality = 0.95

    def fingerprint(self) -> str:
        return "echo"

    def prompt(self, *, points=None, boxes=None, masks=None) -> Prompt:  # type: ignore[no-untyped-def]
        at = torch.arange(SIDE) + 0.0
        y, x = at[None, :, None], at[None, None, :]
        if boxes is not None:
            x0, y0, x1, y1 = (boxes[:, i, None, None] for i in range(4))
            inside = (x >= x0) & (x < x1) & (y >= y0) & (y < y1)
        elif points is not None:
            px, py = points[0][..., 0], points[0][..., 1]
            near = ((x[:, None] - px[..., None, None]) ** 2 + (y[:, None] - py[..., None, None]) ** 2) <= 9
            inside = near.any(1)
        else:
            inside = torch.zeros(1, SIDE, SIDE, dtype=torch.bool) if masks is None else masks[:, 0] > 0
        return Prompt(inside.float()[:, None])

    def decode_with_quality(self, embedding: ImageEmbedding, prompt: Prompt) -> tuple[torch.Tensor, torch.Tensor]:
        assert len(embedding.main) == len(prompt.dense)
        return 20 * prompt.dense - 10, torch.full((len(prompt.dense), 1), self.quality)


def embed(frame: Frame) -> ImageEmbedding:
    return ImageEmbedding(torch.zeros(1, 8, 64, 64))


def sample(truth: np.ndarray, name: str = "case") -> Sample:
    rng = np.random.default_rng(0)
    return Sample(name, rng.integers(0, 256, (*truth.shape, 3), np.uint8), truth)


def rectangles() -> np.ndarray:
    truth = np.zeros((96, 128), np.bool_)
    truth[8:40, 10:50] = truth[60:90, 70:120] = True
    return truth


@pytest.mark.parametrize("name", ["sam-box", "sam-mask"])
def test_a_sam_that_does_as_told_gives_the_truth_back(name: str) -> None:
    truth = rectangles()
    predicted = of_baseline(name, Echo(), embed, CPU).predict(sample(truth)).prediction.mask  # type: ignore[arg-type]
    assert (predicted & truth).sum() / (predicted | truth).sum() > 0.97


def test_one_box_of_all_objects_holds_what_lies_between_them() -> None:
    predicted = of_baseline("sam-box-whole", Echo(), embed, CPU).predict(sample(rectangles()))  # type: ignore[arg-type]
    mask = predicted.prediction.mask
    assert mask[50, 60] and mask[8:90, 10:120].mean() > 0.97 and not mask[:, :8].any()


@pytest.mark.parametrize("name", [name for name in BASELINES if "centre" in name or "points" in name])
def test_points_fall_into_the_objects(name: str) -> None:
    method = of_baseline(name, Echo(), embed, CPU)  # type: ignore[arg-type]
    truth = rectangles()
    mask = method.predict(sample(truth)).prediction.mask
    # A disc of three pixels of the square about a point at the very edge is half outside.
    assert mask.any() and (mask & truth).sum() >= 0.4 * mask.sum()
    expected = 1 if method.about["prompt"].endswith("as one") else 2
    assert np.array_equal(mask, method.predict(sample(truth)).prediction.mask)
    if "centre" in name:
        assert label(mask)[1] == expected


def test_everything_mode_takes_what_the_truth_picks_of_what_sam_is_sure_of() -> None:
    truth = rectangles()
    echo = Echo()
    best, majority = (
        of_baseline(f"sam-everything-{pick}", echo, embed, CPU).predict(sample(truth)).prediction.mask  # type: ignore[arg-type]
        for pick in ("best", "majority")
    )
    assert best.any() and best[~truth].mean() < 0.01
    assert majority.sum() > 5 * best.sum() and (majority & truth).sum() > 0.5 * majority.sum()
    echo.quality = 0.5
    unsure = of_baseline("sam-everything-best", echo, embed, CPU).predict(sample(truth))  # type: ignore[arg-type]
    assert not unsure.prediction.mask.any()


@pytest.mark.parametrize("name", BASELINES)
def test_every_baseline_answers_at_the_images_size_and_empty_where_there_is_nothing(name: str) -> None:
    sam = tiny_sam()
    method = of_baseline(name, sam, lambda frame: sam.encode(frame.pixels(sam.rule)[None]), CPU)
    predicted = method.predict(sample(rectangles()))
    assert predicted.prediction.probability.shape == predicted.values.shape == (96, 128)
    assert np.isfinite(predicted.values).all()
    nothing = method.predict(sample(np.zeros((40, 30), np.bool_)))
    if BASELINES[name].oracle:
        assert not nothing.prediction.mask.any() and (nothing.values == NOWHERE).all()
    assert method.oracle == BASELINES[name].oracle
    # The tiny SAM was trained on nothing.
    assert method.untrained and any(mark.startswith("UNTRAINED PROMPT") for mark in method.marks)


@pytest.mark.parametrize("name", BASELINES)
@pytest.mark.parametrize("sam", SAMS)
def test_only_prompts_of_a_sams_own_training_are_unmarked(name: str, sam: str) -> None:
    echo = Echo()
    echo.name, echo.trained_prompts = sam, SAMS[sam].trained_prompts
    method = of_baseline(name, echo, embed, CPU)  # type: ignore[arg-type]
    boxes = name.startswith("sam-box")
    wanted = {"litemedsam": boxes, "medsam": boxes, "tiny-random": False}.get(sam, name != "sam-nothing")
    assert method.untrained is not wanted
