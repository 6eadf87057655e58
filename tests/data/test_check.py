"""A data folder looked over: every fault in its row, the rest all the same."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from autosam.core.errors import DataError
from autosam.data.check import check_data, picture
from autosam.data.foreground import Foreground


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    rng = np.random.default_rng(0)
    for side in ("images", "masks", "instances"):
        (tmp_path / side).mkdir()
    for index, high in enumerate((40, 60, 30, 40, 25)):
        Image.fromarray(rng.integers(0, 256, (high, 50, 3)).astype(np.uint8)).save(tmp_path / "images" / f"{index}.png")
        mask = np.zeros((high, 50), np.uint8)
        mask[: high // 2] = 255
        Image.fromarray(mask).save(tmp_path / "masks" / f"{index}.png")
    return tmp_path


def test_a_sound_folder(folder: Path) -> None:
    check = check_data(folder)
    assert not check.faults
    assert check.ignored == ("instances/",)
    first = check.cases[0]
    assert (first.size, first.values, first.share) == ((40, 50), {0: 1000, 255: 1000}, 0.5)
    said = json.loads(json.dumps(check.as_dict()))
    assert (said["pairs"], said["faults"], said["foreground"]) == (5, 0, "auto")
    assert said["cases"][0]["values"] == {"0": 1000, "255": 1000}


def test_faults_are_in_their_rows(folder: Path) -> None:
    (folder / "images" / "0.png").write_bytes(b"no image")
    Image.fromarray(np.arange(3000).reshape(60, 50).astype(np.uint16)).save(folder / "masks" / "1.png")
    Image.fromarray(np.zeros((9, 9), np.uint8)).save(folder / "masks" / "2.png")
    Image.fromarray(np.zeros((40, 50), np.uint8)).save(folder / "masks" / "3.png")
    check = check_data(folder)
    words = ("text", "--foreground", "9 x 9")
    assert [case.id for case in check.faults] == ["0", "1", "2"]
    assert all(word in str(case.fault) for word, case in zip(words, check.faults, strict=True))
    assert len(check.as_dict()["cases"][1]["values"]) == 12
    assert check.as_dict()["cases"][1]["value_count"] == 3000
    assert any("1 of 5 masks is empty: 3" in note for note in check.notes)
    picture(check, folder / "sheet.png")


def test_notes(folder: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 3
    with Image.open(folder / "images" / "1.png") as image:
        image.load()
        image.save(folder / "images" / "1.png", exif=exif)
    (folder / "images" / "3.png").write_bytes((folder / "images" / "0.png").read_bytes())
    notes = " ".join(check_data(folder, foreground=Foreground.parse("> 127"), group=r"\d").notes)
    assert "1: the image has EXIF orientation 3 and the mask 1" in notes
    assert "same image more than once: 0, 3" in notes
    assert "5 groups of 1 case" in notes


@pytest.mark.parametrize("count", [1, 2, 5])
def test_picture(folder: Path, tmp_path: Path, count: int) -> None:
    for index in range(count, 5):
        (folder / "images" / f"{index}.png").unlink()
        (folder / "masks" / f"{index}.png").unlink()
    picture(check_data(folder), tmp_path / "out" / "sheet.png")
    with Image.open(tmp_path / "out" / "sheet.png") as sheet:
        assert sheet.width > 600
        assert len(set(sheet.resize((64, 64)).get_flattened_data())) > 50


def test_no_sound_pair_no_picture(folder: Path) -> None:
    for file in (folder / "images").iterdir():
        file.write_bytes(b"")
    with pytest.raises(DataError, match="no pair can be shown"):
        picture(check_data(folder), folder / "sheet.png")
