from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from autosam.core.errors import ModelError
from autosam.core.prompt import ImageEmbedding, Prompt
from autosam.models.frozen_sam import load_sam
from autosam.models.sam import Sam, build_sam, tiny_sam
from autosam.models.sam_names import from_official, sam_shape

Rule = Callable[..., np.ndarray]


@pytest.fixture(scope="module")
def official(golden: Path, fill: Rule) -> dict[str, torch.Tensor]:
    keys = json.loads((golden / "keys.json").read_text())["sam_tiny128"]["keys"]
    return {name: torch.from_numpy(fill(name, tuple(shape))) for name, shape in dict(keys).items()}


@pytest.fixture(scope="module")
def sam(official: dict[str, torch.Tensor]) -> Sam:
    return build(official)


def build(official: dict[str, torch.Tensor]) -> Sam:
    return build_sam(
        from_official(official), "tiny.pth", name="sam", scaling="imagenet", trained_prompts=frozenset({"box"})
    )


@pytest.fixture(scope="module")
def expected(golden: Path) -> dict[str, np.ndarray]:
    with np.load(golden / "sam_tiny128.npz") as arrays:
        return dict(arrays)


@pytest.fixture(scope="module")
def embedding(sam: Sam, noise: Rule) -> ImageEmbedding:
    return sam.encode(torch.from_numpy(noise(128, (2, 3, 128, 128))))


def close(ours: torch.Tensor, theirs: np.ndarray) -> None:
    torch.testing.assert_close(ours, torch.from_numpy(theirs), rtol=1e-4, atol=1e-4)


def test_embedding_is_the_reference(sam: Sam, embedding: ImageEmbedding, expected: dict[str, np.ndarray]) -> None:
    close(embedding.main[:, ::8], expected["embedding"])
    close(sam.image_pe[:, ::8], expected["image_pe"])


@pytest.mark.parametrize("kind", ["points", "box", "mask", "dense"])
def test_masks_are_the_reference(
    kind: str, sam: Sam, embedding: ImageEmbedding, expected: dict[str, np.ndarray], noise: Rule
) -> None:
    first = ImageEmbedding(embedding.main[:1])
    if kind == "points":
        prompt = sam.prompt(points=(torch.tensor([[[40.0, 50.0], [90.0, 20.0]]]), torch.tensor([[1, 0]])))
    elif kind == "box":
        prompt = sam.prompt(boxes=torch.tensor([[10.0, 20.0, 100.0, 110.0]]))
    elif kind == "mask":
        prompt = sam.prompt(masks=torch.from_numpy(noise(9, (1, 1, 32, 32))))
    else:
        first, prompt = embedding, Prompt(torch.from_numpy(noise(77, (2, 256, 8, 8))))
    logits, quality = sam.decode_with_quality(first, prompt)
    close(logits, expected[f"{kind}_logits"])
    close(quality, expected[f"{kind}_iou"])


def test_an_empty_sparse_prompt_is_none(sam: Sam, embedding: ImageEmbedding) -> None:
    dense = torch.randn(2, 256, 8, 8)
    empty = sam.decode(embedding, Prompt(dense, torch.empty(2, 0, 256)))
    assert torch.equal(empty, sam.decode(embedding, Prompt(dense)))


def test_sizes_follow_from_the_tensors(official: dict[str, torch.Tensor]) -> None:
    shape = sam_shape(from_official(official), "tiny.pth")
    assert (shape.image_size, shape.patch_size, shape.hidden_size) == (128, 16, 32)
    assert (shape.num_hidden_layers, shape.num_attention_heads) == (4, 2)
    assert (shape.window_size, shape.global_attn_indexes) == (3, (1, 3))
    assert shape.name == "sam"


@pytest.mark.parametrize(
    ("hidden", "depth", "name"),
    [(768, 12, "sam-vit-base"), (1024, 24, "sam-vit-large"), (1280, 32, "sam-vit-huge"), (64, 12, "sam")],
)
def test_official_sizes_have_names(hidden: int, depth: int, name: str) -> None:
    with torch.device("meta"):
        tensors = {
            "image_encoder.pos_embed": torch.empty(1, 64, 64, hidden),
            "image_encoder.patch_embed.proj.weight": torch.empty(hidden, 3, 16, 16),
            "image_encoder.blocks.0.mlp.lin1.weight": torch.empty(4 * hidden, hidden),
            "prompt_encoder.no_mask_embed.weight": torch.empty(1, 256),
            "mask_decoder.transformer.layers.0.mlp.lin1.weight": torch.empty(2048, 256),
        }
        for i in range(depth):
            tensors[f"image_encoder.blocks.{i}.attn.qkv.weight"] = torch.empty(3 * hidden, hidden)
            tensors[f"image_encoder.blocks.{i}.attn.rel_pos_h"] = torch.empty(127 if i % 3 == 2 else 27, 64)
    shape = sam_shape(from_official(tensors), "x.pth")
    assert shape.name == name
    assert shape.window_size == 14


def test_wrong_names_and_sizes_are_named(official: dict[str, torch.Tensor]) -> None:
    changed = dict(official)
    changed["image_encoder.blocks.0.stray"] = torch.zeros(1)
    del changed["mask_decoder.iou_token.weight"]
    changed["image_encoder.neck.1.bias"] = torch.zeros(7)
    with pytest.raises(ModelError) as fault:
        build(changed)
    message = fault.value.message
    assert "tiny.pth" in message
    assert "missing: mask_decoder.iou_token.weight" in message
    assert "unknown: image_encoder.encoder.layers.0.stray" in message
    assert "(7,) in place of (256,)" in message


def test_weights_of_something_else_are_refused() -> None:
    with pytest.raises(ModelError, match="not the weights of a SAM"):
        build({"fc.weight": torch.zeros(2, 2)})


def test_transformers_folder_and_official_file_are_one_model(
    tmp_path: Path, official: dict[str, torch.Tensor], sam: Sam, embedding: ImageEmbedding, noise: Rule
) -> None:
    ours = {
        name.replace("image_encoder.encoder.", "vision_encoder."): tensor for name, tensor in sam.state_dict().items()
    }
    shared = ours.pop("prompt_encoder.shared_embedding.positional_embedding")
    ours["shared_image_embedding.positional_embedding"] = shared
    folder, file = tmp_path / "hub", tmp_path / "official.pth"
    folder.mkdir()
    save_file({k: v.contiguous() for k, v in ours.items()}, folder / "model.safetensors")
    (folder / "config.json").write_text('{"model_type": "sam"}')
    torch.save({"model": official, "epoch": 3}, file)
    for source in (folder, file):
        other = load_sam(str(source))
        assert other.fingerprint() == sam.fingerprint()
    (folder / "config.json").write_text('{"model_type": "sam2"}')
    with pytest.raises(ModelError, match="sam2"):
        load_sam(str(folder))


def test_mask_decoder_uses_fused_attention(sam: Sam) -> None:
    assert sam.mask_decoder.get_submodule("transformer").config._attn_implementation == "sdpa"


def test_tiny_sam_follows_from_its_seed_alone() -> None:
    torch.manual_seed(1)
    before = torch.random.get_rng_state()
    first = tiny_sam(3)
    assert torch.equal(before, torch.random.get_rng_state())
    torch.manual_seed(2)
    assert first.fingerprint() == tiny_sam(3).fingerprint() != tiny_sam(4).fingerprint()
    with pytest.raises(ValueError, match="multiple of 8"):
        tiny_sam(image_size=60)
