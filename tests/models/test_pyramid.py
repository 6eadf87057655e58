"""g over transformers' backbones: built from a configuration, or from a folder without the network."""

from __future__ import annotations

import json
import socket
from pathlib import Path
from typing import Any

import pytest
import torch

from autosam.core.errors import ModelError, UsageError
from autosam.models.prompt_encoder import PromptEncoder, build_prompt_encoder

transformers = pytest.importorskip("transformers")
SHAPE = (32, 4, 4)
FOUR: dict[str, Any] = {"depths": [1, 1, 1, 1]}
HEADS: dict[str, Any] = FOUR | {"embed_dim": 8, "num_heads": [1, 1, 2, 2]}
CONFIGS: dict[str, dict[str, Any]] = {
    "resnet": FOUR | {"embedding_size": 8, "hidden_sizes": [8, 16, 24, 32], "layer_type": "basic"},
    "swin": HEADS | {"window_size": 4},
    "hiera": HEADS | {"image_size": [96, 96]},
    "pvt_v2": FOUR | {"hidden_sizes": [8, 16, 24, 32], "num_attention_heads": [1, 1, 2, 2]},
    "convnext": FOUR | {"hidden_sizes": [8, 16, 24, 32]},
    "dinov2": {"hidden_size": 16, "num_hidden_layers": 6, "num_attention_heads": 2, "intermediate_size": 32},
}


@pytest.fixture(autouse=True)
def _no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("the network was asked")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)


def config(kind: str, **more: Any) -> dict[str, Any]:
    structure = transformers.AutoConfig.for_model(kind, **(CONFIGS[kind] | more))
    return {"backbone": json.loads(structure.to_json_string(use_diff=False)), "mean": [0.5] * 3, "std": [0.25] * 3}


def build(kind: str, shape: tuple[int, int, int] = SHAPE, size: int = 96) -> PromptEncoder:
    return build_prompt_encoder(f"hf:{kind}", embedding_shape=shape, size=size, initialise=False, config=config(kind))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    structure = transformers.ResNetConfig(**CONFIGS["resnet"])
    transformers.ResNetForImageClassification(structure).save_pretrained(tmp_path)
    pixels = {"image_mean": [0.1, 0.2, 0.3], "image_std": [1, 1, 2]}
    (tmp_path / "preprocessor_config.json").write_text(json.dumps(pixels))
    return tmp_path


@pytest.mark.parametrize("kind", CONFIGS)
def test_it_keeps_the_contract(kind: str) -> None:
    g = build(kind).eval()
    image = torch.rand(3, 3, 96, 96)
    with torch.no_grad():
        together = g(image, None)
        alone = g(image[1:2], None)
    assert together.shape == (3, *SHAPE) and not g.needs_embedding
    torch.testing.assert_close(together[1:2], alone, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(g.normalise(image), (image - 0.5) / 0.25)


@pytest.mark.parametrize("kind", CONFIGS)
def test_the_gradient_reaches_what_the_backbone_uses(kind: str) -> None:
    g = build(kind).train()
    g(torch.rand(1, 3, 96, 96), None).square().sum().backward()
    untouched = {name for name, parameter in g.named_parameters() if parameter.grad is None}
    # Parts of the published models that their backbones carry along without reading them.
    assert untouched <= {
        "backbone.swin.layernorm.weight",
        "backbone.swin.layernorm.bias",
        "backbone.embeddings.mask_token",
    }


@pytest.mark.parametrize(("shape", "size"), [((256, 16, 16), 64), ((8, 5, 7), 100)])
def test_any_grid_and_size(shape: tuple[int, int, int], size: int) -> None:
    assert build("resnet", shape, size)(torch.rand(2, 3, size, size), None).shape == (2, *shape)


@pytest.mark.parametrize("kind", CONFIGS)
def test_its_config_builds_it_again(kind: str) -> None:
    g = build(kind)
    kept = json.loads(json.dumps(g.config))
    again = build_prompt_encoder(g.name, embedding_shape=SHAPE, size=g.size, initialise=False, config=kept)
    again.load_state_dict(g.state_dict())
    image = torch.rand(1, 3, 96, 96)
    assert torch.equal(g.eval()(image, None), again.eval()(image, None))
    assert again.config == g.config


def test_a_folder_gives_weights_and_normalisation(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    capfd.readouterr()
    g = build_prompt_encoder(f"hf:{folder}", embedding_shape=SHAPE, size=64)
    assert capfd.readouterr() == ("", "")
    assert str(folder) not in json.dumps(g.config)
    donor = transformers.ResNetModel.from_pretrained(folder, local_files_only=True).state_dict()
    held = g.backbone.state_dict()
    assert set(held) == set(donor)
    assert all(torch.equal(tensor, donor[name]) for name, tensor in held.items())
    torch.testing.assert_close(g.mean.flatten(), torch.tensor([0.1, 0.2, 0.3]))
    torch.testing.assert_close(g.std.flatten(), torch.tensor([1.0, 1.0, 2.0]))


def test_a_backbone_that_takes_pixels_as_they_are_gets_them_so(folder: Path) -> None:
    pixels = {"do_normalize": False, "image_mean": [0.5] * 3, "image_std": [0.5] * 3}
    (folder / "preprocessor_config.json").write_text(json.dumps(pixels))
    g = build_prompt_encoder(f"hf:{folder}", embedding_shape=SHAPE, size=64)
    image = torch.rand(1, 3, 64, 64)
    assert torch.equal(g.normalise(image), image)


def test_missing_files_name_the_fetch_command(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="autosam fetch hf:nobody/nothing"):
        build_prompt_encoder("hf:nobody/nothing", embedding_shape=SHAPE, size=64)
    with pytest.raises(ModelError, match=r"config\.json") as caught:
        build_prompt_encoder(f"hf:{tmp_path}", embedding_shape=SHAPE, size=64)
    assert "fetch" not in caught.value.message
    with pytest.raises(ModelError, match="no name of a model"):
        build_prompt_encoder("hf:a/b/c", embedding_shape=SHAPE, size=64)


@pytest.mark.parametrize("fault", ["absent", "cut", "lacking", "code"])
def test_unfit_weights_are_refused(folder: Path, fault: str) -> None:
    from safetensors.torch import load_file, save_file

    weights = folder / "model.safetensors"
    if fault == "absent":
        weights.unlink()
    elif fault == "code":
        weights.unlink()
        torch.save({"resnet": Path}, folder / "pytorch_model.bin")
    elif fault == "cut":
        weights.write_bytes(weights.read_bytes()[:2000])
    else:
        tensors = load_file(weights)
        del tensors["resnet.encoder.stages.2.layers.0.layer.0.convolution.weight"]
        save_file(tensors, weights, metadata={"format": "pt"})
    with pytest.raises(ModelError) as caught:
        build_prompt_encoder(f"hf:{folder}", embedding_shape=SHAPE, size=64)
    assert str(folder) in caught.value.message


def test_what_cannot_be_a_backbone_is_refused(tmp_path: Path) -> None:
    for text in ('{"model_type": "bert"}', '{"model_type": "no-such-model"}', "{}", "[]", "text"):
        (tmp_path / "config.json").write_text(text)
        with pytest.raises(ModelError):
            build_prompt_encoder(f"hf:{tmp_path}", embedding_shape=SHAPE, size=64)


def test_a_size_that_the_backbone_cannot_see_names_its_own() -> None:
    with pytest.raises(UsageError, match=r"Its own size is \[96, 96\]"):
        build("hiera", size=128)
