"""The order of training depends on nothing but its arguments."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
import torch

from autosam.core.progress import Silent
from autosam.data.augment import AUGMENTATIONS
from autosam.data.dataset import Dataset
from autosam.data.embeddings import EmbeddingCache
from autosam.data.folder import find_pairs
from autosam.data.foreground import Foreground
from autosam.inference.embed import Embedder
from autosam.inference.engine import Engine, build_encoder
from autosam.models.sam import tiny_sam
from autosam.training.examples import Examples, order


@pytest.mark.parametrize(("cases", "views"), [(1, 1), (7, 3), (10, 8)])
def test_an_epoch_has_every_case_and_a_lap_every_view(cases: int, views: int) -> None:
    for lap in range(2):
        epochs = [order(cases, views, lap * views + turn, seed=4) for turn in range(views)]
        assert all(sorted(case for case, _ in epoch) == list(range(cases)) for epoch in epochs)
        seen = Counter(index for epoch in epochs for index in epoch)
        assert set(seen) == {(case, view) for case in range(cases) for view in range(views)}
        assert set(seen.values()) == {1}


def test_epochs_and_seeds_differ_and_repeat() -> None:
    assert order(20, 4, 3, seed=0) == order(20, 4, 3, seed=0)
    assert order(20, 4, 3, seed=0) != order(20, 4, 4, seed=0)
    assert order(20, 4, 3, seed=0) != order(20, 4, 3, seed=1)


def test_live_training_never_sees_a_view_twice() -> None:
    assert {view for _, view in order(5, 0, 0, seed=0)} == {1}
    assert {view for _, view in order(5, 0, 9, seed=0)} == {10}


@pytest.mark.parametrize("engine", ["torch", "openvino"])
def test_a_pool_fills_the_cache_with_the_same_bits_and_no_gap(discs: Path, tmp_path: Path, engine: str) -> None:
    data = Dataset(find_pairs(discs).pairs, Foreground.parse(None))
    wanted = [(case, view) for view in range(3) for case in range(len(data))]
    before = torch.get_num_threads()

    def fill(name: str, threads: int, some: list[tuple[int, int]]) -> dict[str, bytes]:
        torch.set_num_threads(threads)
        try:
            encoder = build_encoder(tiny_sam(), Engine(engine, "float32"), torch.device("cpu"), threads=1)
            embed = Embedder(encoder, EmbeddingCache(tmp_path / name))
            examples = Examples(data, AUGMENTATIONS["light"], frame_size=64, size=32, embed=embed, seed=0)
            examples.fill(some, Silent(), lambda: None)
            assert torch.get_num_threads() == threads
        finally:
            torch.set_num_threads(before)
        return {file.name: file.read_bytes() for file in (tmp_path / name).rglob("*.safetensors")}

    alone = fill("alone", 1, wanted)
    assert len(alone) == len(wanted)
    # Killed half-way, and gone on with.
    fill("pool", 3, wanted[:11])
    assert fill("pool", 3, wanted) == alone
