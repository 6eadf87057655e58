"""Files whose names are no text: what is trained, scored and predicted of them, and what they are called."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

import autosam
from autosam.inference.writer import predict_files
from autosam.training.train import train
from tests.training.small import TINY


@pytest.fixture
def nameless(discs: Path) -> Path:
    """The discs, two of them with a byte in their names that is no UTF-8."""
    for side in ("images", "masks"):
        for number in (1, 2):
            odd = discs / side / os.fsdecode(b"caf\xe9%d.png" % number)
            try:
                (discs / side / f"case{number}.png").rename(odd)
            except OSError:
                pytest.skip("this disk takes text alone as names")
    return discs


@pytest.mark.parametrize("tile", [None, 32])
def test_names_that_are_no_text_are_trained_on_and_scored(nameless: Path, tmp_path: Path, tile: int | None) -> None:
    run = train(nameless, tmp_path / "run", **TINY, **({} if tile is None else {"tile": tile}))
    record = json.loads((run / "data.json").read_text(encoding="utf-8"))
    assert {"caf\\udce91", "caf\\udce92"} <= record["train"].keys() | record["val"].keys()
    report = autosam.evaluate(run, nameless, out=tmp_path / "scores", engine="torch")
    assert not report.failures
    predicted, odd = (tmp_path / os.fsdecode(name) for name in (b"mask\xe9", b"again\xe9"))
    rows = predict_files(autosam.load(run, engine="torch"), [nameless], predicted)
    assert [row.id for row in rows] == [case.id for case in report.cases] and not any(row.error for row in rows)
    again = autosam.evaluate(None, nameless, predictions=predicted, out=odd)
    assert [case.scores["dice"] for case in again.cases] == [case.scores["dice"] for case in report.cases]
    assert len(autosam.compare([tmp_path / "scores", odd], tmp_path / "compared").methods) == 2


def test_a_folder_whose_name_is_no_text_is_trained_on(discs: Path, tmp_path: Path) -> None:
    odd = discs.rename(tmp_path / os.fsdecode(b"disc\xe9"))
    run = train(odd, tmp_path / "run", **TINY)
    assert not autosam.evaluate(run, odd, engine="torch").failures
