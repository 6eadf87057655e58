"""Every prompt encoder of the table keeps the contract; the paper's g is the reference's."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from autosam.core.errors import ModelError, UsageError
from autosam.models.hardnet import HarDNet
from autosam.models.hardnet_variants import STRIDES
from autosam.models.prompt_encoder import PROMPT_ENCODERS, PromptEncoder, build_prompt_encoder, default_size

Rule = Callable[[str, tuple[int, ...]], np.ndarray]
SHAPE = (32, 4, 4)
SHAPES = [(SHAPE, 64), ((256, 16, 16), 96), ((8, 5, 7), 100), ((16, 24, 24), 33)]


def build(name: str, shape: tuple[int, int, int] = SHAPE, size: int = 64) -> PromptEncoder:
    return build_prompt_encoder(name, embedding_shape=shape, size=size)


def inputs(g: PromptEncoder, batch: int) -> tuple[torch.Tensor, torch.Tensor | None]:
    embedding = torch.randn(batch, *g.embedding_shape) if g.needs_embedding else None
    return torch.rand(batch, 3, g.size, g.size), embedding


@pytest.fixture(scope="module")
def reference(golden: Path, fill: Rule) -> dict[str, torch.Tensor]:
    keys = json.loads((golden / "keys.json").read_text())
    names = {f"backbone.{name}": shape for name, shape in keys["hardnet85"]["keys"].items()}
    names |= keys["model_emb_decoder"]["keys"]
    g = build("hardnet85")
    unused = {name for name in keys["model_emb_decoder"]["keys"] if name.startswith("decoder.final.BN2.")}
    assert set(g.state_dict()) <= set(names) and unused.isdisjoint(g.state_dict())
    return {name: torch.from_numpy(np.asarray(fill(name, tuple(names[name])))) for name in g.state_dict()}


@pytest.mark.parametrize("size", [256, 352, 512])
def test_the_papers_g_is_the_reference(
    size: int, reference: dict[str, torch.Tensor], golden: Path, noise: Rule
) -> None:
    g = build("hardnet85", (256, 64, 64), size).eval()
    g.load_state_dict(reference)
    image = torch.from_numpy(noise(size, (1, 3, size, size))) * g.std + g.mean
    with torch.no_grad():
        z = g(image, None)
    assert z.shape == (1, 256, 64, 64)
    expected = np.load(golden / f"g_hardnet85_{size}.npz")["z"]
    np.testing.assert_allclose(z[:, ::16].numpy(), expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("name", PROMPT_ENCODERS)
@pytest.mark.parametrize(("shape", "size"), SHAPES)
def test_the_prompt_has_the_embeddings_shape(name: str, shape: tuple[int, int, int], size: int) -> None:
    g = build(name, shape, size).eval()
    with torch.no_grad():
        z = g(*inputs(g, 2))
    assert z.shape == (2, *shape)
    assert z.dtype == torch.float32 and bool(z.isfinite().all())
    assert z.is_contiguous() or z.is_contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize("name", PROMPT_ENCODERS)
@pytest.mark.parametrize("batch", [1, 2])
def test_the_gradient_reaches_every_parameter(name: str, batch: int) -> None:
    g = build(name).train()
    g(*inputs(g, batch)).square().sum().backward()
    for parameter, tensor in g.named_parameters():
        assert tensor.grad is not None and bool(tensor.grad.isfinite().all()), parameter
        # In front of a BatchNorm a bias has no say; its gradient is zero up to rounding.
        assert parameter.endswith(".bias") or bool(tensor.grad.any()), parameter


@pytest.mark.parametrize("name", PROMPT_ENCODERS)
def test_in_eval_no_image_sees_another(name: str) -> None:
    g = build(name).eval()
    image, embedding = inputs(g, 3)
    with torch.no_grad():
        together = g(image, embedding)
        for i in range(3):
            alone = g(image[i : i + 1], None if embedding is None else embedding[i : i + 1])
            torch.testing.assert_close(together[i : i + 1], alone, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", PROMPT_ENCODERS)
def test_normalisation_is_no_weight_and_applied_once(name: str) -> None:
    g = build(name)
    assert not {"mean", "std"} & set(g.state_dict())
    assert all(tensor.is_contiguous() for tensor in g.state_dict().values())
    flat = g.mean.expand(1, 3, g.size, g.size)
    torch.testing.assert_close(g.normalise(flat), torch.zeros_like(flat))
    with pytest.raises(ValueError, match="shape"):
        g.normalise(torch.rand(1, 3, g.size + 1, g.size))


@pytest.mark.parametrize("name", PROMPT_ENCODERS)
def test_the_same_seed_builds_the_same_weights(name: str) -> None:
    states = []
    for _ in range(2):
        torch.manual_seed(3)
        states.append(build(name).state_dict())
    assert all(torch.equal(tensor, states[1][key]) for key, tensor in states[0].items())


@pytest.mark.parametrize("name", ["hardnet39ds", "hardnet68"])
def test_an_official_checkpoint_fills_the_backbone(name: str, tmp_path: Path) -> None:
    donor = HarDNet(name, STRIDES)
    torch.save(donor.state_dict(), tmp_path / "donor.pth")
    g = build_prompt_encoder(name, embedding_shape=SHAPE, size=64, weights=tmp_path / "donor.pth")
    for key, tensor in g.state_dict().items():
        if key.startswith("backbone."):
            assert torch.equal(tensor, donor.state_dict()[key.removeprefix("backbone.")])
    other = {"hardnet39ds": "hardnet68", "hardnet68": "hardnet39ds"}[name]
    with pytest.raises(ModelError, match=r"donor\.pth"):
        build_prompt_encoder(other, embedding_shape=SHAPE, size=64, weights=tmp_path / "donor.pth")


def test_wrong_use_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="Did you mean 'hardnet85'"):
        build("hardnet86")
    with pytest.raises(UsageError, match="32 or more"):
        build("sam-features", size=16)
    with pytest.raises(UsageError, match="takes no pretrained weights"):
        build_prompt_encoder("sam-features", embedding_shape=SHAPE, size=64, weights=tmp_path / "x.pth")
    with pytest.raises(UsageError, match="own weights"):
        build_prompt_encoder("hf:x/y", embedding_shape=SHAPE, size=64, weights=tmp_path / "x.pth")


def test_the_default_size_is_sams_up_to_512() -> None:
    assert default_size("hardnet85", 1024) == 512
    assert default_size("sam-features", 256) == 256
