"""Cases read once: what is said of them, and which are validated on where time is short."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from autosam.core.errors import DataError, Interrupted
from autosam.core.progress import Silent
from autosam.training.cases import read_cases
from tests.training.small import Listens, tiny_config


def test_fewer_validation_cases_follow_from_seed_and_names(discs: Path) -> None:
    cases = read_cases(tiny_config(discs, val=0.6), Silent(), lambda: False)
    few = cases.validated_on(4, 0)
    assert len(few.val) == len(few.sizes["val"]) == 4
    assert set(few.val.ids) < set(cases.val.ids) and list(few.val.ids) == sorted(few.val.ids)
    assert (few.train, few.digest, few.hashes) == (cases.train, cases.digest, cases.hashes)
    assert few.val.ids == cases.validated_on(4, 0).val.ids
    assert set(cases.validated_on(2, 0).val.ids) < set(few.val.ids)
    assert len({cases.validated_on(3, seed).val.ids for seed in range(20)}) > 1
    assert cases.validated_on(6, 0) is cases


@pytest.mark.parametrize(("group", "said"), [(r"case(\d)", True), (None, False)])
def test_a_group_on_both_sides_is_said(discs: Path, tmp_path: Path, group: str | None, said: bool) -> None:
    for side in ("images", "masks"):
        (tmp_path / "val" / side).mkdir(parents=True)
        shutil.copy(discs / side / "case3.png", tmp_path / "val" / side / "case3b.png")
        (discs / side / "case3.png").rename(discs / side / "case3a.png")
    listener = Listens()
    read_cases(tiny_config(discs, val_data=tmp_path / "val", group=group), listener, lambda: False)
    assert any("1 group is in training and in validation" in line and "3" in line for line in listener.said) == said


def test_what_is_not_taken_is_said(discs: Path) -> None:
    for number in range(7):
        (discs / f"note{number}.txt").touch()
    (discs / "images" / "slide.svs").touch()
    listener = Listens()
    read_cases(tiny_config(discs), listener, lambda: False)
    assert any(line.startswith("note: 1 file of formats") and "slide.svs" in line for line in listener.said)
    assert any(line.startswith("note: not taken: note0.txt, ") and "1 more" in line for line in listener.said)


def test_what_stopped_while_reading_names_a_cure_that_is_one(discs: Path) -> None:
    with pytest.raises(Interrupted, match="--resume"):
        read_cases(tiny_config(discs), Silent(), lambda: True)


@pytest.mark.parametrize(("foreground", "said"), [("> 0", False), ("> 255", True)])
def test_masks_without_foreground_are_a_warning(discs: Path, foreground: str, said: bool) -> None:
    listener = Listens()
    read_cases(tiny_config(discs, foreground=foreground), listener, lambda: False)
    assert any(line.startswith("warning: not one of") and "--foreground" in line for line in listener.said) == said


@pytest.fixture
def elsewhere(discs: Path, tmp_path: Path) -> Path:
    """A copy of two cases, to validate on."""
    for side in ("images", "masks"):
        (tmp_path / "val" / side).mkdir(parents=True)
        for number in (1, 2):
            shutil.copy(discs / side / f"case{number}.png", tmp_path / "val" / side)
    return tmp_path / "val"


def test_another_class_to_validate_on_is_refused(discs: Path, elsewhere: Path) -> None:
    file = elsewhere / "masks" / "case2.png"
    Image.fromarray((np.asarray(Image.open(file)) > 0).astype(np.uint8) * 2).save(file)
    with pytest.raises(DataError, match="several classes"):
        read_cases(tiny_config(discs, val_data=elsewhere), Silent(), lambda: False)


def test_notes_on_validation_data_are_said(discs: Path, elsewhere: Path) -> None:
    rows = [f"images/case{number}.png,masks/case{number}.png,x" for number in (1, 2)]
    table = elsewhere / "val.csv"
    table.write_text("\n".join(["image,mask,scanner", *rows]))
    listener = Listens()
    read_cases(tiny_config(discs, val_data=table), listener, lambda: False)
    assert any(line.startswith("note:") and "scanner" in line for line in listener.said)
