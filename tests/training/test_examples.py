"""The views of a data set, made once."""

from __future__ import annotations

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
from autosam.training.examples import Examples


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
