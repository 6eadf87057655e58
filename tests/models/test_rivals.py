"""Every rival: what is trained, what stays frozen, and what a checkpoint gives back."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from autosam.core.errors import ModelError, UsageError
from autosam.core.letterbox import PixelRule
from autosam.core.prompt import ImageEmbedding
from autosam.models.adapted_encoder import encode_adapted, encoder_adapters
from autosam.models.card import Card
from autosam.models.checkpoint import build, load, read_card, save, to_bytes
from autosam.models.frozen_sam import SAMS
from autosam.models.rivals import AUTOSAM, RIVALS, build_rival, method_title, rival_config
from autosam.models.sam import Sam, tiny_sam
from autosam.models.segmenter import Segmenter
from autosam.models.tiny_vit import TinyViT, TinyViTShape

SMALL = {"unet": {"width": 4}, "hardnet-segmentation": {"backbone": "hardnet39ds"}}


def make(name: str, sam: Sam, size: int = 64) -> Segmenter:
    torch.manual_seed(0)
    return build_rival(name, sam, size=size, mapping="sigmoid", config={**RIVALS[name].config, **SMALL.get(name, {})})


def seen(segmenter: Segmenter, sam: Sam, count: int = 2) -> tuple[torch.Tensor, ImageEmbedding | None]:
    torch.manual_seed(1)
    image = torch.rand(count, 3, segmenter.size, segmenter.size)
    return image, None if segmenter.sam is None else sam.encode(torch.randn(count, 3, sam.rule.size, sam.rule.size))


def tiny_vit_sam() -> Sam:
    """A SAM with a TinyViT of random weights in the place of its ViT."""
    whole = tiny_sam()
    torch.manual_seed(2)
    encoder = TinyViT(TinyViTShape(32, 1, (32, 32, 64, 64), (1, 1, 2, 1), (7, 7, 14, 7), 32))
    return Sam(
        image_encoder=encoder, prompt_encoder=whole.prompt_encoder, mask_decoder=whole.mask_decoder,
        name="litemedsam", rule=PixelRule(32, "minmax"), embedding_shape=(32, 8, 8), trained_prompts=frozenset({"box"}),
    )  # fmt: skip


@pytest.mark.parametrize("name", RIVALS)
def test_only_what_is_trained_gets_a_gradient_and_sam_stays_to_the_bit(name: str) -> None:
    sam = tiny_sam()
    before = {key: value.clone() for key, value in sam.state_dict().items()}
    segmenter = make(name, sam)
    segmenter.train(True)
    masks = segmenter(*seen(segmenter, sam))
    assert masks.logits.shape[:2] == (2, 1) and masks.surrogate is None
    masks.logits.square().mean().backward()
    trained = dict(segmenter.trained().named_parameters())
    # The bias of a key adds the same to all scores of a softmax, so that nothing depends on it.
    idle = {key for key, p in trained.items() if p.grad is None}
    assert all(key.endswith("k_proj.bias") for key in idle)
    optimiser = torch.optim.AdamW(segmenter.parameters(), lr=0.1)  # type: ignore[attr-defined]
    optimiser.step()
    assert all(p.grad is None and not p.requires_grad for p in sam.parameters())
    assert all(torch.equal(value, before[key]) for key, value in sam.state_dict().items())
    assert not sam.training


@pytest.mark.parametrize("name", [name for name, entry in RIVALS.items() if entry.needs != "nothing"])
def test_training_starts_at_the_frozen_sams_own_behaviour(name: str) -> None:
    sam = tiny_sam()
    segmenter = make(name, sam)
    image, embedding = seen(segmenter, sam)
    with torch.no_grad():
        own = sam.decode(embedding or sam.encode(image), sam.prompt())
        torch.testing.assert_close(segmenter(image, embedding).logits, own, rtol=1e-4, atol=1e-4)


def test_adapters_of_tiny_vit_start_at_its_own_embedding_and_reach_it() -> None:
    sam = tiny_vit_sam()
    adapters = encoder_adapters(sam)
    pixels = torch.rand(2, 3, 32, 32)
    with torch.no_grad():
        torch.testing.assert_close(encode_adapted(sam, adapters, pixels), sam.encode(pixels).main)
    encode_adapted(sam, adapters, pixels).square().mean().backward()
    grads = {key: p.grad for key, p in adapters.named_parameters()}
    assert len(adapters) == 4 and all(grad is not None for grad in grads.values())
    assert all(grad.abs().sum() > 0 for key, grad in grads.items() if "up." in key and grad is not None)


@pytest.mark.parametrize("name", RIVALS)
def test_a_checkpoint_gives_the_same_masks_and_holds_no_more_than_was_trained(name: str, tmp_path: Path) -> None:
    sam = tiny_sam()
    segmenter = make(name, sam)
    with torch.no_grad():
        for p in segmenter.trained().parameters():
            p.add_(0.05 * torch.randn_like(p))
    none = RIVALS[name].needs == "nothing"
    card = Card(
        "none" if none else "tiny-random", "" if none else sam.fingerprint(), "none", 64,
        (0, 0, 0) if none else sam.embedding_shape, method=name,
        method_config={**RIVALS[name].config, **SMALL.get(name, {})},
    )  # fmt: skip
    save(tmp_path / "model.safetensors", segmenter.trained().state_dict(), card)
    again, read = load(tmp_path, sam=None if none else sam)
    assert read == card
    image, embedding = seen(segmenter, sam)
    with torch.no_grad():
        wanted = segmenter.train(False)(image, embedding).logits
        assert torch.equal(again(image, embedding).logits, wanted)
    with pytest.raises(UsageError, match="no surrogate decoder"):
        build(card, sam, decoder="surrogate")


def test_a_card_without_a_method_is_autosams() -> None:
    sam = tiny_sam()
    card = Card("tiny-random", sam.fingerprint(), "sam-features", 32, sam.embedding_shape)
    assert card.method == AUTOSAM and card.title == "AutoSAM (tiny-random, sam-features)"


def test_a_method_of_a_later_version_is_refused(tmp_path: Path) -> None:
    described = {"format": 1, "sam": "none", "sam_fingerprint": "", "prompt_encoder": "none", "size": 64}
    file = tmp_path / "model.safetensors"
    file.write_bytes(to_bytes({"x": torch.zeros(1)}, {**described, "embedding_shape": [0, 0, 0], "method": "unet3"}))
    with pytest.raises(ModelError, match="'unet3' is not known"):
        read_card(file)


def test_what_a_rival_cannot_see_is_refused() -> None:
    with pytest.raises(UsageError, match="sees the 64 pixels"):
        make("medical-sam-adapter", tiny_sam(), size=128)
    with pytest.raises(UsageError, match="Did you mean 'unet'"):
        build_rival("unett", None, size=64, mapping="sigmoid", config={})
    with pytest.raises(UsageError, match="16 pixels"):
        make("unet", tiny_sam(), size=16)


@pytest.mark.parametrize("size", [32, 50, 63])
def test_unet_sees_any_size(size: int) -> None:
    segmenter = make("unet", tiny_sam(), size=size)
    assert segmenter(torch.rand(1, 3, size, size), None).logits.shape == (1, 1, size, size)


@pytest.mark.parametrize("sam", SAMS)
def test_adapters_on_tiny_vit_are_not_called_by_the_papers_name_alone(sam: str) -> None:
    title = method_title("medical-sam-adapter", sam=sam)
    assert title.startswith("adapters after ") == (sam in ("litemedsam", "mobilesam"))
    assert title.endswith(f"Medical SAM Adapter ({sam})")


def test_choices_that_concern_a_rival_reach_it_as_plain_values() -> None:
    assert rival_config("hardnet-segmentation", "hardnet68", None) == {"backbone": "hardnet68"}
    assert rival_config("hardnet-segmentation", "sam-features", None) == {"backbone": "hardnet85"}
    assert rival_config("unet", "hardnet68", 8) == {"width": 8}
    assert all(json.loads(json.dumps(rival_config(name, "", None))) is not None for name in RIVALS)
