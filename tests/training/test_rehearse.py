"""A dry run: what it counts is what a training has, and nothing is needed for it but names."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
import torch
from PIL import Image
from torch import nn
from typer.testing import CliRunner

from autosam.benchmarks.names import BENCHMARKS
from autosam.benchmarks.trained import left_open
from autosam.cli.main import app
from autosam.models.outline import SHAPES, outline
from autosam.models.rivals import RIVALS
from autosam.models.sam import tiny_sam
from autosam.models.sam_names import SamShape
from autosam.training import rehearse as rehearse_module
from autosam.training.config import TrainConfig, make_config
from autosam.training.cost import cost
from autosam.training.plan import CLOSING_SECONDS
from autosam.training.rehearse import rehearse, rehearse_on
from autosam.training.run import RunFolder
from autosam.training.train import train

PAPER = Path(__file__).resolve().parents[2] / "configs" / "paper"
CONFIGS = sorted(PAPER.glob("*.yaml"))
CPU = torch.device("cpu")
# Parameters in millions that the papers give: SAM's image encoders, and g without the stage that is never read.
MILLIONS = {"sam-vit-base": 89.7, "sam-vit-large": 308.3, "sam-vit-huge": 637.0}


def test_there_is_a_configuration_for_every_benchmark() -> None:
    assert {file.stem for file in CONFIGS} == set(BENCHMARKS)


@pytest.mark.parametrize("file", CONFIGS, ids=lambda file: file.stem)
def test_the_papers_settings_are_choices_and_go_before_the_benchmarks_own(file: Path) -> None:
    made = make_config({"data": Path("d")}, file)
    assert (made.batch, made.accumulate, made.step_images, made.lr) == (3, 4, 12, 3e-4)
    assert (made.optimiser, made.schedule, made.loss, made.weight_decay) == ("adam", "constant", "minmax", 1e-4)
    assert made.augment.startswith("reference-")
    assert left_open(BENCHMARKS[file.stem].training, {"config": file}) == {}
    assert left_open({"augment": "histology"}, {}) == {"augment": "histology"}


@pytest.mark.parametrize("file", [f for f in CONFIGS if f.stem != "sunseg"], ids=lambda file: file.stem)
def test_the_papers_settings_run_dry_without_images_or_weights(file: Path) -> None:
    flags = ["benchmark", file.stem, "--train", "--config", str(file), "--dry-run", "--device", "cpu"]
    result = CliRunner().invoke(app, [*flags, "--json"])
    assert result.exit_code == 0, result.stderr
    said: dict[str, Any] = json.loads(result.stdout)
    config = make_config({"data": Path("d")}, file)
    count = BENCHMARKS[file.stem].train.count
    assert said["train"] == count
    assert count is not None and config.epochs is not None
    assert said["steps"] == -(-config.epochs * count // 12)
    assert said["encodings"] == config.epochs * count
    assert said["shapes"]["embedding and prompt Z"] == [3, 256, 64, 64]
    assert said["shapes"]["g's image"] == [3, 3, config.size, config.size]
    assert said["weights"]["SAM's image encoder"] / 1e6 == pytest.approx(MILLIONS[config.sam], abs=0.1)
    assert said["memory"] > 4 * sum(said["weights"].values())
    assert said["hours_gpu"] > 0.1


def test_sunseg_is_counted_in_clips_and_asks_for_its_frames() -> None:
    flags = ["benchmark", "sunseg", "--train", "--config", str(PAPER / "sunseg.yaml"), "--dry-run"]
    result = CliRunner().invoke(app, flags)
    assert result.exit_code == 2
    assert "Give --data" in result.stderr


def test_a_dry_run_counts_what_the_training_then_has(discs: Path, tmp_path: Path) -> None:
    choices: dict[str, Any] = {"sam": "tiny-random", "size": 32, "batch": 2, "accumulate": 2, "views": 2, "val": 0.2}
    choices["epochs"] = 3
    file = tmp_path / "c.yaml"
    file.write_text("".join(f"{name}: {value}\n" for name, value in choices.items()))

    def there() -> list[Path]:
        # Torch makes a folder for its compiler in the cache when it is first asked for an optimiser.
        return sorted(path for path in tmp_path.rglob("*") if path.relative_to(tmp_path).parts[0] != "cache")

    before = there()
    result = CliRunner().invoke(app, ["train", str(discs), "--config", str(file), "--dry-run"])
    assert result.exit_code == 0, result.stderr
    assert there() == before
    assert "8 to train on, 2 held out; 2 cached views" in result.stdout
    assert "6 steps of 4 images, 2 at once; 2 a pass; 18 images encoded" in result.stdout
    run = RunFolder(train(discs, tmp_path / "run", engine="torch", **choices))
    assert max(row["step"] for row in run.rows()) == 6
    assert len(list((tmp_path / "cache" / "embeddings").rglob("*.safetensors"))) == 18


def test_a_training_wants_a_folder_to_write(discs: Path) -> None:
    result = CliRunner().invoke(app, ["train", str(discs)])
    assert result.exit_code == 2
    assert "--out DIR" in result.stderr
    result = CliRunner().invoke(app, ["benchmark", "glas", "--dry-run"])
    assert result.exit_code == 2


@pytest.mark.parametrize("method", sorted(RIVALS))
def test_a_rival_has_no_dry_run(discs: Path, method: str) -> None:
    result = CliRunner().invoke(app, ["train", str(discs), "--method", method, "--dry-run"])
    assert result.exit_code == 2
    assert f"not of {method}" in " ".join(result.stderr.split())


def test_a_bound_of_time_is_planned_from_the_operations(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rehearse_module, "_rate", lambda device: 1e10)
    config = TrainConfig(data=Path("d"), sam="tiny-random", size=32, minutes=3)
    made = rehearse(config, 10, 2, CPU)
    assert made.steps is None and made.operations is None
    planned = made.planned
    assert planned is not None and planned.fits
    spent = planned.embedding_seconds + planned.step_seconds + planned.validation_seconds
    assert 120 < spent <= 180 - CLOSING_SECONDS
    assert f"about {planned.steps} steps of at most 4 images" in made.table()
    assert f"({planned.views} views, nothing cached)" in made.table()
    assert json.loads(json.dumps(made.plain()))["planned"]["steps"] == planned.steps
    short = rehearse(config.model_copy(update={"minutes": 0.1}), 10, 2, CPU)
    assert short.planned is not None and not short.planned.fits
    assert "no training has fewer than 10 steps" in short.table()


def _stack(discs: Path) -> list[str]:
    page = np.zeros((48, 64, 3), np.uint8)
    tifffile.imwrite(discs / "images" / "case0.tif", np.stack([page] * 2), photometric="rgb")
    (discs / "images" / "case0.png").unlink()
    return []


def _labels(discs: Path) -> list[str]:
    labels = np.zeros((48, 64), np.uint8)
    labels[:9], labels[20:30] = 1, 2
    Image.fromarray(labels).save(discs / "masks" / "case3.png")
    return []


def _no_init(discs: Path) -> list[str]:
    return ["--init", str(discs / "missing")]


def _no_weights(discs: Path) -> list[str]:
    return ["--weights", str(discs / "missing.pth"), "--prompt-encoder", "hardnet39ds"]


@pytest.mark.parametrize("spoil", [_stack, _labels, _no_init, _no_weights])
@pytest.mark.parametrize("bound", [["--minutes", "1"], ["--epochs", "1"]])
def test_what_a_training_refuses_its_dry_run_refuses(
    discs: Path, tmp_path: Path, spoil: Callable[[Path], list[str]], bound: list[str]
) -> None:
    flags = ["train", str(discs), "--sam", "tiny-random", "--size", "64", *spoil(discs), *bound]
    dry = CliRunner().invoke(app, [*flags, "--dry-run"])
    real = CliRunner().invoke(app, [*flags, "--out", str(tmp_path / "run"), "--quiet"])
    assert dry.exit_code == real.exit_code == 3
    assert dry.stderr.splitlines()[-1] == real.stderr.splitlines()[-1]


def test_a_dry_run_looks_into_a_large_data_set_for_seconds(discs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = TrainConfig(data=discs, sam="tiny-random", size=32, epochs=1, val=0.2)
    assert rehearse_on(config, CPU).opened == 10
    monkeypatch.setattr(rehearse_module, "LOOK_SECONDS", 0)
    made = rehearse_on(config, CPU)
    assert made.opened == 1
    assert "1 of them opened" in made.table()


@pytest.mark.parametrize("name", ["litemedsam", "medsam"])
def test_an_outline_has_no_weights_and_the_right_shapes(name: str) -> None:
    sam = outline(name)
    assert all(p.is_meta for p in sam.parameters())
    made = sam.encode(torch.empty(1, 3, sam.rule.size, sam.rule.size, device="meta"))
    assert made.main.shape == (1, *sam.embedding_shape)


def test_every_listed_size_has_the_name_that_its_tensors_would_give_it() -> None:
    for name, shape in SHAPES.items():
        if isinstance(shape, SamShape):
            assert shape.name == ("sam-vit-base" if name == "medsam" else name)


def test_cost_counts_products_and_what_lives_at_once() -> None:
    layer = nn.Linear(8, 16, bias=False, device="meta")
    x = torch.empty(4, 8, device="meta")
    whole = cost(lambda: layer(x).relu_().sum(), [x, *layer.parameters()])
    assert whole.operations == 2 * 4 * 8 * 16
    assert whole.peak == 4 * 4 * 16 + 4

    def one_after_another() -> None:
        for _ in range(3):
            torch.empty(1000, device="meta")

    assert cost(one_after_another, []).peak in (4000, 8000)


def test_the_memory_of_a_pass_grows_with_its_images() -> None:
    small, large = (
        rehearse(TrainConfig(data=Path("d"), sam="tiny-random", size=32, batch=n, epochs=1), 9, 0, CPU) for n in (2, 8)
    )
    # The gradients of the weights are the same for two images and for eight.
    assert large.step.peak > 2 * small.step.peak
    assert large.step.operations == pytest.approx(4 * small.step.operations, rel=0.01)
    assert large.encode == small.encode
    assert tiny_sam().embedding_shape == small.shapes["embedding and prompt Z"][1:]
