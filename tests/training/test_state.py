"""States: whole, or never trusted."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from autosam.core.errors import ModelError
from autosam.training.state import State, load_state, save_state


def _state(step: int) -> State:
    tensors = {"g.weight": torch.full((3, 2), float(step)), "g.count": torch.tensor(step)}
    return State(step, tensors, tensors, tensors, 0.5, step, {"g.weight.exp_avg": torch.ones(3, 2)}, skipped=1)


def test_the_last_state_returns_and_two_are_kept(tmp_path: Path) -> None:
    assert load_state(tmp_path / "last") is None
    for step in (1, 2, 30):
        save_state(tmp_path / "last", _state(step))
    assert len(list((tmp_path / "last").iterdir())) == 2
    last = load_state(tmp_path / "last")
    assert last is not None
    assert (last.step, last.best_dice, last.best_step, last.skipped) == (30, 0.5, 30, 1)
    assert torch.equal(last.weights["g.weight"], torch.full((3, 2), 30.0))
    assert last.weights["g.count"].dtype == torch.int64
    assert set(last.optimiser) == {"g.weight.exp_avg"}


@pytest.mark.parametrize("seed", range(20))
def test_a_flipped_bit_or_a_cut_brings_back_the_state_before(tmp_path: Path, seed: int) -> None:
    rng = np.random.default_rng(seed)
    save_state(tmp_path, _state(1))
    save_state(tmp_path, _state(2))
    file = max(tmp_path.iterdir())
    raw = bytearray(file.read_bytes())
    at = int(rng.integers(len(raw)))
    if seed % 2:
        raw[at] ^= 1 << int(rng.integers(8))
    else:
        raw = raw[:at]
    file.write_bytes(bytes(raw))
    last = load_state(tmp_path)
    assert last is not None
    assert last.step == 1


def test_no_whole_state_is_said(tmp_path: Path) -> None:
    save_state(tmp_path, _state(1))
    next(tmp_path.iterdir()).write_bytes(b"")
    with pytest.raises(ModelError, match="no state in it is whole"):
        load_state(tmp_path)
