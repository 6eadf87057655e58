"""A run's segmenter sees its images as in training, whichever name its SAM's weights come under."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from autosam.core.errors import ModelError
from autosam.core.letterbox import PixelRule
from autosam.models.card import Card
from autosam.models.checkpoint import build, load, save
from autosam.models.frozen_sam import SAMS, load_sam
from autosam.models.sam import tiny_sam


@pytest.mark.parametrize("given", ["file", "object"])
@pytest.mark.parametrize("name", ["medsam", "sam-vit-base"])
def test_a_sam_scales_its_pixels_as_the_one_it_was_trained_with(name: str, given: str, tmp_path: Path) -> None:
    sam = tiny_sam()
    card = Card(name, sam.fingerprint(), "sam-features", 32, sam.embedding_shape)
    save(tmp_path / "model.safetensors", build(card, sam).trained().state_dict(), card)
    weights = tmp_path / "medsam.safetensors"
    ours, theirs = "image_encoder.encoder.", "vision_encoder."
    save_file({key.replace(ours, theirs): tensor.contiguous() for key, tensor in sam.state_dict().items()}, weights)
    segmenter, _ = load(tmp_path, sam=str(weights) if given == "file" else sam)
    found = segmenter.sam
    assert found is not None
    assert (found.name, found.rule) == (name, PixelRule(sam.rule.size, SAMS[name].scaling))
    assert found.trained_prompts == SAMS[name].trained_prompts
    assert sam.rule.scaling == "imagenet", "the one that was given was changed"
    pixels = torch.rand(1, 3, sam.rule.size, sam.rule.size)
    assert torch.equal(found.encode(pixels).main, load_sam(str(weights)).encode(pixels).main)


def test_a_checkpoint_that_cannot_be_built_is_named(tmp_path: Path) -> None:
    sam = tiny_sam()
    card = Card("tiny", sam.fingerprint(), "sam-features", 32, sam.embedding_shape)
    trained = build(card, sam).trained().state_dict()
    file = tmp_path / "model.safetensors"
    save(file, trained, replace(card, prompt_encoder_config={"scales": 9}))
    with pytest.raises(ModelError, match="scales") as caught:
        load(tmp_path, sam=sam)
    assert caught.value.file == str(file)
