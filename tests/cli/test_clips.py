"""`autosam predict` and `autosam benchmark` with clips, as a person types it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from typer.testing import CliRunner

from autosam.cli.main import app
from autosam.models.card import Card
from autosam.models.checkpoint import build, save
from autosam.models.sam import tiny_sam

ENGINE = ("--engine", "torch", "--precision", "float32", "--quiet")


def _run(*arguments: str | Path) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, [str(one) for one in arguments])
    return result.exit_code, result.stdout, result.stderr


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    sam = tiny_sam()
    card = Card("tiny-random", sam.fingerprint(), "sam-features", 64, sam.embedding_shape)
    torch.manual_seed(0)
    state = {
        name: value + 0.1 * torch.randn_like(value) if value.is_floating_point() and "running" not in name else value
        for name, value in build(card, sam).trained().state_dict().items()
    }
    run = tmp_path_factory.mktemp("run")
    save(run / "model.safetensors", state, card)
    return run


@pytest.fixture
def clip(make_clip: Callable[..., Path], tmp_path: Path) -> Path:
    pictures = np.random.default_rng(0).integers(0, 256, (5, 48, 64, 3), dtype=np.uint8)
    return make_clip(tmp_path / "clip.mp4", pictures)


def test_a_video_is_a_clip(trained: Path, clip: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    code, said, err = _run("predict", trained, clip, "--out", out, "--temporal", "0.5", "--json", *ENGINE)
    assert code == 0, err
    assert json.loads(said)["frames"] == 5
    assert (out / "masks" / "clip" / "000004.png").exists()
    assert (out / "overlays" / "clip.mp4").exists()


def test_a_folder_is_a_clip_only_where_that_is_said(trained: Path, tmp_path: Path) -> None:
    folder = tmp_path / "frames"
    folder.mkdir()
    for number in (2, 10):
        Image.new("RGB", (64, 48), (20 * number, 0, 0)).save(folder / f"frame{number}.png")
    assert _run("predict", trained, folder, "--out", tmp_path / "images", *ENGINE)[0] == 0
    assert (tmp_path / "images" / "predictions.csv").exists()
    code, said, err = _run("predict", trained, folder, "--clip", "--fps", "2", "--out", tmp_path / "clips", *ENGINE)
    assert code == 0, err
    assert "2 of 2 frames of 1 clip segmented" in said
    lines = (tmp_path / "clips" / "frames" / "frames.csv").read_text().splitlines()
    assert [line.split(",")[:3] for line in lines[1:]] == [["0", "0.0", "frame2"], ["1", "0.5", "frame10"]]


def test_what_is_broken_is_4_and_named(trained: Path, clip: Path, tmp_path: Path) -> None:
    text = tmp_path / "text.mp4"
    text.write_text("none")
    code, _, err = _run("predict", trained, clip, text, "--out", tmp_path / "out", *ENGINE)
    assert code == 4
    assert "text.mp4: this is text, not a video" in err
    assert (tmp_path / "out" / "masks" / "clip" / "000000.png").exists()


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (("{clip}", "{image}"), "not predicted together"),
        (("{image}", "--temporal", "0.5"), "--temporal is of clips"),
        (("{image}", "--fps", "5"), "--fps is of clips"),
        (("{clip}", "--temporal", "1"), "0 to below 1"),
        (("{folder}", "--clip", "--fps", "0"), "frame rate"),
    ],
)
def test_wrong_usage_is_2(flags: tuple[str, ...], said: str, trained: Path, clip: Path, tmp_path: Path) -> None:
    image = tmp_path / "folder" / "a.png"
    image.parent.mkdir()
    Image.new("RGB", (8, 8)).save(image)
    given = [flag.format(clip=clip, image=image, folder=image.parent) for flag in flags]
    code, _, err = _run("predict", trained, *given, "--out", tmp_path / "out", *ENGINE)
    assert code == 2, err
    assert said in err
