"""Tiles or whole images: what `auto` decides, why, and a training and its prediction on tiles from end to end."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import autosam
from autosam.core.errors import Interrupted, UsageError
from autosam.core.progress import Silent
from autosam.inference.writer import predict_files
from autosam.models.checkpoint import read_card, read_description, to_bytes
from autosam.models.tensors import load_tensors
from autosam.training.cases import read_cases
from autosam.training.config import make_config
from autosam.training.run_config import read_run_config
from autosam.training.tiling import Tiling, choose_tiling
from autosam.training.train import train

TINY: dict[str, Any] = {
    "sam": "tiny-random", "size": 32, "batch": 3, "views": 1, "epochs": 2, "engine": "torch", "augment": "histology",
}  # fmt: skip


def _scene(root: Path, radius: float, size: tuple[int, int], spacing: int, images: int = 4) -> Path:
    """Writes images of discs on a lattice with their masks."""
    rng = np.random.default_rng(0)
    rows, columns = np.mgrid[: size[0], : size[1]]
    for number in range(images):
        y, x = ((axis + rng.integers(spacing)) % spacing - spacing / 2 for axis in (rows, columns))
        mask = y**2 + x**2 < radius**2
        image = np.where(mask[..., None], (150, 60, 160), (230, 190, 220 + number)).astype(np.uint8)
        for side, pixels in (("images", image), ("masks", mask.astype(np.uint8) * 255)):
            (root / side).mkdir(parents=True, exist_ok=True)
            Image.fromarray(pixels).save(root / side / f"case{number}.png", compress_level=1)
    return root


def _decide(data: Path, size: int, frames: int | None = None, **choices: Any) -> Tiling:
    config = make_config({"data": data, "val": 0.25, **choices})
    return choose_tiling(config, read_cases(config, Silent(), lambda: False), size, frames)


@pytest.fixture(scope="module")
def nuclei(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _scene(tmp_path_factory.mktemp("nuclei"), 10, (1000, 1000), 45)


@pytest.fixture
def small(tmp_path: Path) -> Path:
    return _scene(tmp_path / "small", 5, (160, 200), 21)


def test_nuclei_are_cut_into_tiles_that_enlarge_them(nuclei: Path) -> None:
    tiling = _decide(nuclei, 256)
    assert tiling.tile == 276
    assert (tiling.tiles, tiling.frames, tiling.noun) == (3 * 16, 16, "tile")
    assert "5.1 pixels across in the input of 256" in tiling.why and "18.6 in a tile" in tiling.why
    assert "\n" not in tiling.why


@pytest.mark.parametrize(
    ("radius", "size", "spacing", "side", "said"),
    [
        (30, (522, 775), 90, 256, "not under 12"),  # glands
        (60, (352, 352), 176, 256, "not under 12"),  # polyps
        (10, (1000, 1000), 45, 1024, "not under 12"),  # the same nuclei, a SAM with a large input
        (4, (256, 256), 21, 256, "hardly enlarge"),
        (0, (300, 300), 40, 64, "no object"),
    ],
)
def test_others_stay_whole(
    tmp_path: Path, radius: int, size: tuple[int, int], spacing: int, side: int, said: str
) -> None:
    tiling = _decide(_scene(tmp_path / "data", radius, size, spacing), side)
    assert (tiling.tile, tiling.tiles, tiling.frames) == (None, None, 1)
    assert tiling.why.startswith("whole images") and said in tiling.why


def test_time_makes_larger_tiles_then_fewer_then_none(nuclei: Path) -> None:
    config = make_config({"data": nuclei, "val": 0.25})
    cases = read_cases(config, Silent(), lambda: False)
    sides = {frames: choose_tiling(config, cases, 256, frames) for frames in (64, 63, 36, 35, 12, 11)}
    assert {frames: (tiling.tile, tiling.tiles) for frames, tiling in sides.items()} == {
        64: (276, 48), 63: (364, 27), 36: (364, 27), 35: (364, 26), 12: (364, 3), 11: (None, None),
    }  # fmt: skip
    assert "smaller ones take too long" in sides[63].why
    assert "26 of 27, as many as fit the time" in sides[35].why
    assert "too short for tiles" in sides[11].why


def test_what_is_asked_for_is_done(nuclei: Path) -> None:
    assert _decide(nuclei, 256, tile="off").tile is None
    asked = _decide(nuclei, 256, tile="500")
    assert (asked.tile, asked.tiles) == (500, 3 * 9)
    assert _decide(nuclei, 256, 20, tile=500).tiles == 11
    for wrong in ("on", "31", "-64", "2.5"):
        with pytest.raises(UsageError, match=r"tile.*auto, off"):
            make_config({"data": nuclei, "tile": wrong})


def test_yaml_reads_off_as_false(tmp_path: Path) -> None:
    file = tmp_path / "c.yaml"
    file.write_text("tile: off\n")
    assert make_config({"data": tmp_path}, file).tile == "off"


def test_a_run_on_tiles_needs_no_flag_afterwards(small: Path, tmp_path: Path) -> None:
    run = train(small, tmp_path / "run", tile="64", **TINY)
    card = read_card(run / "model.safetensors")
    config, plan = read_run_config(run / "config.yaml")
    assert plan is not None
    assert (card.tile, config.tile, plan.tile) == (64, 64, 64)
    assert plan.tiles == card.training["train_tiles"] == 3 * 12
    assert (plan.train, plan.val, plan.epoch_steps) == (3, 1, 12)
    assert "cut into 36 overlapping tiles of 64 pixels" in (run / "card.md").read_text()
    # Leaks are looked for by whole images.
    kept = json.loads((run / "data.json").read_text())
    assert {name for part in kept.values() for name in part} == {f"case{number}" for number in range(4)}

    report = autosam.evaluate(run, small, out=tmp_path / "report", engine="torch")
    assert len(report.cases) == 4 and not any(case.error for case in report.cases)
    model = autosam.load(run, engine="torch", keep_prompt=True)
    rows = predict_files(model, [small / "images"], tmp_path / "out")
    assert [(row.height, row.width, row.error) for row in rows] == [(160, 200, "")] * 4
    predicted = model.predict(small / "images" / "case0.png")
    assert predicted.prompt is not None and predicted.surrogate is not None
    model.predictor.tile = None
    whole = model.predict(small / "images" / "case0.png")
    assert whole.prompt is not None and predicted.prompt.shape == whole.prompt.shape
    assert not np.array_equal(whole.probability, predicted.probability)


class _Stops(Silent):
    def __init__(self, stage: str, at: int) -> None:
        self.stage, self.left, self.now = stage, at, ""

    def start(self, what: str, total: int | None = None, done: int = 0) -> None:
        self.now = what

    def advance(self, pieces: int = 1, note: str = "") -> None:
        self.left -= pieces * self.now.startswith(self.stage)
        if self.left == 0:
            raise Interrupted("enough")


# Twelve steps are an epoch, after which a state is kept.
@pytest.mark.parametrize(("stage", "at"), [("embeddings", 5), ("training", 14)])
def test_a_resumed_run_is_equal_to_the_bit(small: Path, tmp_path: Path, stage: str, at: int) -> None:
    whole = train(small, tmp_path / "whole", **TINY)
    assert read_card(whole / "model.safetensors").tile == 64
    with pytest.raises(Interrupted):
        train(small, tmp_path / "part", progress=_Stops(stage, at), **TINY)
    assert bool(list(tmp_path.glob("part/last/*"))) == (stage == "training")
    shutil.rmtree(tmp_path / "cache")
    resumed = train(small, tmp_path / "part", resume=True, **TINY)
    assert (resumed / "model.safetensors").read_bytes() == (whole / "model.safetensors").read_bytes()
    assert (resumed / "log.jsonl").read_text() == (whole / "log.jsonl").read_text()


def test_a_checkpoint_from_before_tiles_is_whole(small: Path, tmp_path: Path) -> None:
    run = train(small, tmp_path / "run", **{**TINY, "epochs": 1, "tile": "off"})
    file = run / "model.safetensors"
    described = read_description(file)
    del described["tile"], described["seal"]
    file.write_bytes(to_bytes(load_tensors(file), described))
    model = autosam.load(run, engine="torch")
    assert model.card.tile is None and model.predictor.tile is None
    assert model.predict(small / "images" / "case0.png").mask.shape == (160, 200)
