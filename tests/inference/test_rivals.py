"""A rival as one graph gives what torch gives."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

import autosam
from autosam.inference.masker import GraphMasker
from autosam.models.card import Card
from autosam.models.checkpoint import build, save
from autosam.models.rivals import RIVALS
from autosam.models.sam import tiny_sam

IMAGE = np.random.default_rng(0).integers(0, 256, (37, 53, 3), dtype=np.uint8)
SMALL = {"unet": {"width": 4}, "hardnet-segmentation": {"backbone": "hardnet39ds"}}


@pytest.mark.parametrize("name", RIVALS)
def test_one_graph_gives_what_torch_gives(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AUTOSAM_CACHE", str(tmp_path / "cache"))
    sam = tiny_sam()
    sam_of = ("none", "") if RIVALS[name].needs == "nothing" else ("tiny-random", sam.fingerprint())
    card = Card(*sam_of, "none", 64, sam.embedding_shape, method=name, method_config=SMALL.get(name, {}))
    state = build(card, sam).trained().state_dict()
    torch.manual_seed(0)
    # Away from the first weights, under which adapters do nothing.
    state = {k: v + 0.05 * torch.randn_like(v) if v.is_floating_point() else v for k, v in state.items()}
    state = {k: v.abs() + 0.1 if k.endswith("running_var") else v for k, v in state.items()}
    save(tmp_path / "model.safetensors", state, card)
    plain = autosam.load(tmp_path, engine="torch")
    graph = autosam.load(tmp_path, engine="openvino", precision="float32")
    assert isinstance(graph.predictor.masks, GraphMasker)
    first, second = plain.predict(IMAGE), graph.predict(IMAGE)
    assert first.probability.std() > 0
    np.testing.assert_allclose(second.probability, first.probability, atol=1e-3)
