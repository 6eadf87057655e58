"""A training from another run's weights says so, and takes over what that run has seen."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from autosam.core.errors import DataError
from autosam.core.files import sha256
from autosam.core.progress import Silent
from autosam.models.checkpoint import read_card
from autosam.training.ancestor import seen_before
from autosam.training.cases import Cases, read_cases
from autosam.training.train import train
from tests.training.small import TINY, Listens, tiny_config


def _record(run: Path) -> dict[str, dict[str, str]]:
    record: dict[str, dict[str, str]] = json.loads((run / "data.json").read_text())
    return record


@pytest.fixture
def cases(discs: Path) -> Cases:
    return read_cases(tiny_config(discs), Silent(), lambda: False)


def test_a_run_from_a_run_has_seen_what_both_have(discs: Path, tmp_path: Path) -> None:
    choices: dict[str, Any] = {**TINY, "epochs": 1, "views": 1}
    first = train(discs, tmp_path / "first", **choices)
    listener = Listens()
    second = train(discs, tmp_path / "second", init=first, progress=listener, **{**choices, "seed": 1})
    third = train(discs, tmp_path / "third", init=second / "model.safetensors", **choices)
    seen, own = _record(first), _record(second)
    assert own == {"train": own["train"], "val": own["val"], "init train": seen["train"], "init val": seen["val"]}
    assert _record(third)["init init train"] == seen["train"]
    again = sorted(set(own["val"]) & set(seen["train"]))
    assert again, "another seed holds out others"
    said = [line for line in listener.said if "--init was trained on" in line]
    assert len(said) == 1 and all(name in said[0] for name in again)
    cards = [read_card(run / "model.safetensors").training for run in (first, second, third)]
    assert [card.get("init") for card in cards] == [
        None,
        *(sha256(run / "model.safetensors") for run in (first, second)),
    ]
    texts = [(run / "card.md").read_text() for run in (first, second, third)]
    assert "Its weights" not in texts[0]
    before = f"Its weights were those of `first` first (checkpoint {cards[1]['init']}), trained on 8 images before; "
    assert f"{before}{len(again)} of them" in texts[1]
    both = {*seen["train"].values(), *own["train"].values()}
    assert f"`second` first (checkpoint {cards[2]['init']}), trained on {len(both)} images before" in texts[2]
    assert cards[0].keys() >= {"accumulate", "optimiser", "schedule", "weight_decay", "ema"}


def test_a_card_says_where_a_record_is_missing(discs: Path, tmp_path: Path) -> None:
    choices: dict[str, Any] = {**TINY, "epochs": 1, "views": 1}
    first = train(discs, tmp_path / "first", **choices)
    (first / "data.json").unlink()
    second = train(discs, tmp_path / "second", init=first, **choices)
    assert "`first` first (checkpoint " in (second / "card.md").read_text()
    assert "no record says what it was trained on." in (second / "card.md").read_text()


def test_a_run_without_a_record_is_said(tmp_path: Path, cases: Cases) -> None:
    listener = Listens()
    assert seen_before(tmp_path / "model.safetensors", cases, listener) == {}
    assert any("data.json is missing" in line for line in listener.said)


@pytest.mark.parametrize("text", ["[]", "{", '{"train": 3}'])
def test_a_record_that_is_none_is_refused(tmp_path: Path, cases: Cases, text: str) -> None:
    (tmp_path / "data.json").write_text(text)
    with pytest.raises(DataError, match=r"data\.json"):
        seen_before(tmp_path, cases, Silent())
