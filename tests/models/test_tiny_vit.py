from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.functional import interpolate

from autosam.core.errors import ModelError
from autosam.core.prompt import Prompt
from autosam.models import tiny_vit_blocks
from autosam.models.frozen_sam import load_sam
from autosam.models.sam import Sam
from autosam.models.tensors import load_tensors
from autosam.models.tiny_vit import LITEMEDSAM, MOBILESAM, TinyViT, TinyViTShape
from autosam.models.tiny_vit_weights import build_tiny_vit, fold, tiny_vit_shape
from autosam.models.weights import installed

SMALL = TinyViTShape(32, 1, widths=(32, 32, 32, 64), depths=(1, 1, 1, 1), windows=(7, 3, 5, 3), out_channels=16)


def checkpoint(shape: TinyViTShape) -> dict[str, torch.Tensor]:
    """A checkpoint with the official names: convolutions and batch norms apart, attention biases as tables."""
    drawn: dict[str, torch.Tensor] = {}
    for name, tensor in TinyViT(shape).state_dict().items():
        stem, _, last = name.rpartition(".")
        value = 0.3 * torch.randn(tensor.shape)
        if stem.endswith(".attn") and last == "bias":
            window = int(tensor.shape[-1] ** 0.5)
            drawn[f"{stem}.attention_biases"] = torch.randn(tensor.shape[1], window**2)
        elif stem.startswith("neck."):
            place = {"conv1": "0", "norm1": "1", "conv2": "2", "norm2": "3"}[stem.removeprefix("neck.")]
            drawn[f"neck.{place}.{last}"] = value
        elif last == "weight" and tensor.ndim == 4:
            width = len(tensor)
            drawn[f"{stem}.c.weight"] = value
            drawn[f"{stem}.bn.weight"] = 1 + 0.1 * torch.randn(width)
            drawn[f"{stem}.bn.bias"] = torch.randn(width)
            drawn[f"{stem}.bn.running_mean"] = torch.randn(width)
            drawn[f"{stem}.bn.running_var"] = 0.5 + torch.rand(width)
            drawn[f"{stem}.bn.num_batches_tracked"] = torch.tensor(3)
        elif f"{stem}.c.weight" not in drawn:
            drawn[name] = value
    return drawn


@pytest.fixture(scope="module")
def litemedsam() -> Sam:
    if installed("litemedsam") is None:
        pytest.skip("needs the weights: autosam fetch litemedsam")
    sam = load_sam("litemedsam")
    assert isinstance(sam, Sam)
    return sam


@pytest.mark.parametrize("kind", ["box", "dense"])
def test_litemedsam_is_the_reference(
    kind: str, litemedsam: Sam, golden: Path, noise: Callable[..., np.ndarray]
) -> None:
    seeds = torch.sigmoid(torch.from_numpy(noise(256, (1, 3, 16, 16))))
    embedding = litemedsam.encode(interpolate(seeds, (256, 256), mode="bilinear", align_corners=False))
    with np.load(golden / "litemedsam.npz") as arrays:
        expected = {name: torch.from_numpy(array) for name, array in arrays.items()}
    torch.testing.assert_close(embedding.main[:, ::8], expected["embedding"], rtol=1e-4, atol=1e-4)
    if kind == "box":
        prompt = litemedsam.prompt(boxes=torch.tensor([[60.0, 50.0, 200.0, 190.0]]))
    else:
        prompt = Prompt(torch.from_numpy(noise(78, (1, 256, 64, 64))))
    logits, quality = litemedsam.decode_with_quality(embedding, prompt)
    torch.testing.assert_close(logits[:, :, ::4, ::4], expected[f"{kind}_logits"], rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(quality, expected[f"{kind}_iou"], rtol=1e-4, atol=1e-4)


def test_litemedsam_says_what_it_is(litemedsam: Sam) -> None:
    assert (litemedsam.name, litemedsam.rule.size, litemedsam.rule.scaling) == ("litemedsam", 256, "minmax")
    assert litemedsam.trained_prompts == {"box"}
    assert litemedsam.embedding_shape == (256, 64, 64)
    stored = installed("litemedsam")
    assert stored is not None
    assert tiny_vit_shape(load_tensors(stored)) == LITEMEDSAM


def test_sizes() -> None:
    assert (LITEMEDSAM.first, LITEMEDSAM.grid) == (MOBILESAM.first, MOBILESAM.grid) == (256, 64)
    with torch.device("meta"):
        encoder = TinyViT(LITEMEDSAM)
    assert 5.5e6 < sum(weight.numel() for weight in encoder.parameters()) < 6.2e6


def test_a_convolution_and_its_batch_norm_fold_into_one() -> None:
    convolution, norm = nn.Conv2d(3, 8, 3, padding=1, bias=False), nn.BatchNorm2d(8).eval()
    nn.init.normal_(norm.weight)
    nn.init.normal_(norm.bias)
    norm.running_mean, norm.running_var = torch.randn(8), 0.5 + torch.rand(8)
    names = {f"x.bn.{name}": tensor for name, tensor in norm.state_dict().items()}
    folded = fold({"x.c.weight": convolution.weight.detach(), **names}, "x.pth")
    assert folded.keys() == {"x.weight", "x.bias"}
    image = torch.randn(2, 3, 9, 9)
    ours = nn.functional.conv2d(image, folded["x.weight"], folded["x.bias"], padding=1)
    torch.testing.assert_close(ours, norm(convolution(image)), rtol=1e-5, atol=1e-5)


def test_the_bias_of_two_tokens_is_that_of_their_distance() -> None:
    table = torch.randn(2, 9)
    bias = fold({"a.attention_biases": table}, "x.pth")["a.bias"][0]
    for i in range(9):
        for j in range(9):
            down, along = abs(i // 3 - j // 3), abs(i % 3 - j % 3)
            assert torch.equal(bias[:, i, j], table[:, 3 * down + along])


def test_windows_that_do_not_fill_the_map_see_the_padding() -> None:
    encoder = build_tiny_vit(SMALL, checkpoint(SMALL), "x.pth").eval()
    out = encoder(torch.rand(2, 3, 32, 32))
    assert out.shape == (2, 16, SMALL.grid, SMALL.grid)
    assert out.is_contiguous()
    assert bool(torch.isfinite(out).all())


def test_a_traced_graph_is_whole_and_equal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tiny_vit_blocks, "_MOST_HIDDEN", 5000)
    encoder = build_tiny_vit(SMALL, checkpoint(SMALL), "x.pth").eval().requires_grad_(False)
    with warnings.catch_warnings():
        warnings.simplefilter("error", torch.jit.TracerWarning)
        graph = torch.jit.trace(encoder, torch.rand(1, 3, 32, 32), check_trace=False)
    pixels = torch.rand(2, 3, 32, 32)
    torch.testing.assert_close(graph(pixels), encoder(pixels), rtol=1e-4, atol=1e-4)
    assert str(graph.inlined_graph).count("aten::gelu") < 20


def test_every_tensor_is_accounted_for() -> None:
    whole = checkpoint(SMALL)
    build_tiny_vit(SMALL, {**whole, "head.weight": torch.zeros(2, 2), "norm_head.bias": torch.zeros(2)}, "x.pth")
    for stray in ("layers.9.stray", "neck.7.weight", "lonely.bn.weight"):
        with pytest.raises(ModelError, match=r"x\.pth.*unknown: " + stray.split(".")[0]):
            build_tiny_vit(SMALL, {**whole, stray: torch.zeros(1)}, "x.pth")
    with pytest.raises(ModelError, match=r"missing: layers\.1\.blocks\.0\.attn\.qkv\.weight"):
        build_tiny_vit(SMALL, {k: v for k, v in whole.items() if k != "layers.1.blocks.0.attn.qkv.weight"}, "x.pth")
    with pytest.raises(ModelError, match=r"bn\.running_var"):
        build_tiny_vit(SMALL, {k: v for k, v in whole.items() if k != "patch_embed.seq.0.bn.running_var"}, "x.pth")
    with pytest.raises(ModelError, match="of another size"):
        build_tiny_vit(SMALL, {**whole, "neck.1.weight": torch.zeros(3)}, "x.pth")
