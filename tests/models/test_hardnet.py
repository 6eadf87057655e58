"""HarDNet: parity with the reference feature maps, and checkpoints under the official names."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from autosam.core.errors import ModelError, UsageError
from autosam.models.hardnet import HarDNet, load_official
from autosam.models.hardnet_variants import STRIDES, VARIANTS

Rule = Callable[[str, tuple[int, ...]], np.ndarray]


def official(name: str, golden: Path, fill: Rule) -> dict[str, torch.Tensor]:
    keys = json.loads((golden / "keys.json").read_text())[name]["keys"]
    return {key: torch.from_numpy(np.asarray(fill(key, tuple(shape)))) for key, shape in keys.items()}


@pytest.fixture
def small() -> tuple[HarDNet, dict[str, torch.Tensor]]:
    backbone = HarDNet("hardnet39ds")
    return backbone, {name: torch.rand(tensor.shape) for name, tensor in backbone.state_dict().items()}


@pytest.mark.parametrize("name", VARIANTS)
def test_feature_maps_are_the_reference(name: str, golden: Path, fill: Rule, noise: Rule) -> None:
    expected = np.load(golden / f"{name}_features.npz")
    strides = STRIDES[: len(expected.files)]
    backbone = HarDNet(name, strides).eval()
    load_official(backbone, official(name, golden, fill), golden / "keys.json")
    with torch.no_grad():
        maps = backbone(torch.from_numpy(noise(7, (1, 3, 128, 128))))
    assert [m.shape[1] for m in maps] == list(backbone.channels)
    for index, (found, stride) in enumerate(zip(maps, strides, strict=True)):
        assert found.shape[-2:] == (128 // stride, 128 // stride)
        np.testing.assert_allclose(found[:, ::7].numpy(), expected[f"f{index}"], rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("name", VARIANTS)
def test_official_names_are_all_known(name: str, golden: Path) -> None:
    entry = json.loads((golden / "keys.json").read_text())[name]
    with torch.device("meta"):
        whole = HarDNet(name, STRIDES)
    built = {key: list(tensor.shape) for key, tensor in whole.state_dict().items()}
    classifier = {key for key in entry["keys"] if key.startswith(f"base.{len(whole.base)}.3.")}
    assert built == {key: shape for key, shape in entry["keys"].items() if key not in classifier}
    assert len(classifier) == 2
    assert VARIANTS[name].checkpoint == entry["url_name"]


@pytest.mark.parametrize("name", VARIANTS)
def test_a_shallow_build_gives_the_same_maps_as_the_whole(name: str) -> None:
    whole, shallow = HarDNet(name, STRIDES).eval(), HarDNet(name).eval()
    load_official(shallow, whole.state_dict(), Path("whole"))
    pixels = torch.rand(1, 3, 64, 64)
    with torch.no_grad():
        for a, b in zip(whole(pixels)[1:4], shallow(pixels), strict=True):
            assert torch.equal(a, b)
    assert sum(p.numel() for p in shallow.parameters()) < sum(p.numel() for p in whole.parameters())


def test_the_unused_part_is_dropped_by_name(small: tuple[HarDNet, dict[str, torch.Tensor]]) -> None:
    backbone, tensors = small
    unused = {"base.14.3.weight": torch.zeros(1000, 1024), "base.13.norm.bias": torch.zeros(3)}
    load_official(backbone, tensors | unused, Path("f"))
    for name, tensor in backbone.state_dict().items():
        assert torch.equal(tensor, tensors[name].to(tensor.dtype))


@pytest.mark.parametrize("fault", ["missing", "unknown", "shape"])
def test_an_unfit_checkpoint_is_named_and_changes_nothing(
    small: tuple[HarDNet, dict[str, torch.Tensor]], fault: str
) -> None:
    backbone, tensors = small
    before = {name: tensor.clone() for name, tensor in backbone.state_dict().items()}
    name = "base.1.conv.weight"
    if fault == "missing":
        del tensors[name]
    elif fault == "unknown":
        name = "base.99.conv.weight"
        tensors[name] = torch.zeros(1)
    else:
        tensors[name] = torch.zeros(48, 24, 3, 3)
    with pytest.raises(ModelError) as caught:
        load_official(backbone, tensors, Path("some.pth"))
    assert name in caught.value.message and "some.pth" in caught.value.message
    assert "hardnet39ds-0e6c6fa9.pth" in caught.value.message
    assert all(torch.equal(tensor, before[key]) for key, tensor in backbone.state_dict().items())


def test_an_unknown_variant_is_refused() -> None:
    with pytest.raises(UsageError, match="hardnet85"):
        HarDNet("hardnet58")
