"""`autosam figures` on a tiny SAM, and what its prompts are."""

from __future__ import annotations

import json
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from autosam.cli.main import app
from autosam.core.sample import Sample
from autosam.evaluation.pictures import prompt_colours
from autosam.evaluation.plates import Column, side_by_side
from autosam.evaluation.printing import PAGE, TALLEST, printed
from autosam.evaluation.prompted import PROMPTS, prompted_masks
from autosam.models.sam import tiny_sam
from autosam.training.learning import History
from autosam.training.passes import Passes
from autosam.training.train import train

TINY: dict[str, Any] = {"sam": "tiny-random", "size": 32, "batch": 2, "views": 1, "epochs": 1, "engine": "torch"}


@pytest.fixture(scope="module")
def discs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    rng = np.random.default_rng(0)
    root = tmp_path_factory.mktemp("discs")
    rows, columns = np.mgrid[:40, :56]
    for side in ("images", "masks"):
        (root / side).mkdir()
    for number in range(6):
        mask = (rows - 18 - number) ** 2 + (columns - 20 - 2 * number) ** 2 < 80
        image = np.where(mask[..., None], (220, 160, 90), (60, 40, 90)) + rng.normal(0, 12, (40, 56, 3))
        Image.fromarray(image.clip(0, 255).astype(np.uint8)).save(root / "images" / f"case{number}.png")
        Image.fromarray(mask.astype(np.uint8) * 255).save(root / "masks" / f"case{number}.png")
    return root


def test_every_figure_of_the_paper_from_a_run_and_its_rivals(discs: Path, tmp_path: Path) -> None:
    run = train(discs, tmp_path / "run", **TINY)
    second = train(discs, tmp_path / "second", **{**TINY, "seed": 1, "accumulate": 2})
    out = tmp_path / "out"
    flags = ["--beside", f"other={second}", "--beside", f"truth={discs / 'masks'}", "--count", "2", "--engine", "torch"]
    result = CliRunner().invoke(app, ["figures", str(run), str(discs), "--out", str(out), *flags, "--json", "-q"])
    assert result.exit_code == 0, result.stderr
    names = ["figure-1-prompts", "figure-3-results", "figure-5-prompt", "learning-curves"]
    files = [Path(file) for file in json.loads(result.stdout)]
    assert files == [out / f"{name}.{kind}" for name in names for kind in ("png", "pdf")]
    for file in files:
        if file.suffix == ".png":
            with Image.open(file) as picture:
                assert picture.info["dpi"][0] == pytest.approx(300, abs=0.1)
                assert picture.width <= 300 * PAGE + 1
                assert picture.height <= 300 * TALLEST + 1
        else:
            # Type 42: the font itself is inside, and text stays text.
            assert b"/FontFile2" in file.read_bytes()
    captions = (out / "captions.md").read_text()
    for words in ("never trained on a point or a box or a mask", "drawn by a hash", "of Z's variance", "other, truth"):
        assert words in captions
    assert "has seen in its training: case" in captions


def test_cases_can_be_named_and_names_are_checked(discs: Path, tmp_path: Path) -> None:
    run = str(train(discs, tmp_path / "run", **TINY))
    for flags, said in (
        (["--case", "case9"], "no case 'case9'"),
        (["--beside", "nameless"], "has no name"),
        (["--count", "0"], "cannot be shown"),
    ):
        out = tmp_path / f"out{len(said)}"
        result = CliRunner().invoke(app, ["figures", run, str(discs), "--out", str(out), *flags, "-q"])
        assert result.exit_code == 2, flags
        assert said in result.stderr


def test_prompts_of_the_truth_say_where_it_is() -> None:
    asked: dict[str, Any] = {}

    class Listening:
        embedding_shape = (32, 8, 8)

        def prompt(self, **given: Any) -> str:
            asked.update(given)
            return "prompt"

    truth = np.zeros((64, 64), np.bool_)
    truth[10:31, 20:51] = True
    truth[60, 60] = True
    for make in PROMPTS.values():
        assert make(Listening(), truth) == "prompt"  # type: ignore[arg-type, comparison-overlap]
    (x, y), label = asked["points"][0][0, 0].tolist(), asked["points"][1].tolist()
    assert (y, label) == (20, [[1]])
    assert 30 <= x <= 40
    assert asked["boxes"].tolist() == [[20, 10, 60, 60]]
    assert asked["masks"].shape == (1, 1, 32, 32)
    assert asked["masks"][0, 0, 10, 16] == 10
    assert asked["masks"][0, 0, 0, 0] == -10


@pytest.mark.parametrize("empty", [False, True])
def test_masks_of_prompts_have_the_images_size(empty: bool) -> None:
    mask = np.zeros((40, 70), np.bool_)
    if not empty:
        mask[5:30, 8:40] = True
    image = np.random.default_rng(0).integers(0, 255, (40, 70, 3), np.uint8)
    masks = prompted_masks(tiny_sam(), Sample("a", image, mask))
    assert list(masks) == ["point", "box", "mask"]
    assert all(one.shape == (40, 70) and one.dtype == np.bool_ for one in masks.values())
    if empty:
        assert not any(one.any() for one in masks.values())


@pytest.mark.parametrize("size", [(30, 30), (400, 40), (20, 300)])
def test_a_plate_fits_on_a_page_whatever_the_images_are(size: tuple[int, int]) -> None:
    mask = np.zeros(size, np.bool_)
    mask[5:15, 5:15] = True
    sample = Sample("a/very/long/name/of/a/case/that/fits/nowhere", np.zeros((*size, 3), np.uint8), mask)
    figure = side_by_side([sample] * 9, [Column("A method of a long name", [mask] * 9, "never trained on points")])
    wide, high = figure.get_size_inches()
    assert wide <= PAGE + 1e-6
    assert high <= TALLEST + 1e-6
    assert len(figure.axes) == 9 * 3


def test_titles_of_narrow_cells_do_not_meet() -> None:
    mask = np.ones((160, 100), np.bool_)
    sample = Sample("a", np.zeros((160, 100, 3), np.uint8), mask)
    warned = [Column(f"SAM, {kind}", [mask] * 14, "never trained on points") for kind in ("point", "box")]
    with printed():
        figure = side_by_side([sample] * 14, [*warned, Column("a$1_$2", [mask] * 14)])
        figure.draw_without_rendering()
    wide = figure.get_size_inches()[0] * figure.dpi
    boxes = [text.get_window_extent() for text in figure.texts if text.get_rotation() == 0 and text.get_text()]
    assert all(box.x0 >= 0 and box.x1 <= wide for box in boxes)
    assert not any(one.overlaps(other) for one, other in combinations(boxes, 2))


def test_colours_of_a_prompt_hold_what_they_say() -> None:
    prompt = np.random.default_rng(0).normal(size=(5, 8, 8)).astype(np.float32)
    prompt[3:] = 0
    colours, shares = prompt_colours(prompt, (50, 100))
    assert colours.shape == (4, 8, 3)
    assert shares.sum() == pytest.approx(1)
    assert list(shares) == sorted(shares, reverse=True)


def test_a_history_counts_images_not_steps() -> None:
    rows = [{"step": 2, "loss": 1.0}, {"step": 4, "val_dice": None}, {"step": 4, "val_dice": 0.5}]
    history = History("a", rows, Passes(cases=20, step_images=12, runs_on=False, epochs=None))
    assert history.curve("loss") == ([20], [1.0])
    assert history.curve("val_dice") == ([40], [0.5])
