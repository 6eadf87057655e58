from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from autosam.core.errors import ModelError, UsageError
from autosam.core.prompt import ImageEmbedding, Prompt
from autosam.models import frozen_sam
from autosam.models.frozen_sam import SAMS, load_sam
from autosam.models.sam import Sam, tiny_sam
from autosam.models.tensors import load_tensors
from autosam.models.weight_sources import WEIGHTS
from autosam.models.weights import installed


@pytest.fixture(params=["tiny-random", "litemedsam"], scope="module")
def sam(request: pytest.FixtureRequest) -> Iterator[Sam]:
    if request.param in WEIGHTS and installed(request.param) is None:
        pytest.skip(f"needs the weights: autosam fetch {request.param}")
    loaded = load_sam(request.param)
    assert isinstance(loaded, Sam)
    yield loaded


@pytest.fixture(scope="module")
def embedding(sam: Sam) -> ImageEmbedding:
    generator = torch.Generator().manual_seed(5)
    return sam.encode(torch.rand(2, 3, sam.rule.size, sam.rule.size, generator=generator))


def test_every_name_has_a_source_and_a_line() -> None:
    assert SAMS.keys() - WEIGHTS.keys() == {"tiny-random"}
    assert all(entry.description and "\n" not in entry.description for entry in SAMS.values())
    assert all(entry.trained_prompts <= {"point", "box", "mask"} for entry in SAMS.values())


def test_it_is_frozen_in_every_sense(sam: Sam) -> None:
    before = sam.fingerprint()
    nn.ModuleDict({"sam": sam}).train()
    assert not any(part.training for part in sam.modules())
    assert not any(weight.requires_grad for weight in sam.parameters())
    assert not any(buffer.requires_grad for buffer in sam.buffers())
    assert sam.to("cpu").fingerprint() == before == frozen_sam.load_sam(sam.name).fingerprint()


def test_encode_keeps_shape_and_no_gradient(sam: Sam, embedding: ImageEmbedding) -> None:
    assert embedding.main.shape == (2, *sam.embedding_shape)
    assert not embedding.main.requires_grad
    assert embedding.fine == ()
    with pytest.raises(ValueError, match="pixels"):
        sam.encode(torch.zeros(1, 3, 10, 10))


def test_the_bits_of_an_embedding_do_not_depend_on_its_batch(sam: Sam) -> None:
    pixels = torch.rand(2, 3, sam.rule.size, sam.rule.size, generator=torch.Generator().manual_seed(5))
    assert torch.equal(sam.encode(pixels).main[1:], sam.encode(pixels[1:]).main)


def test_the_bits_do_not_depend_on_where_a_file_has_its_tensors(
    sam: Sam, embedding: ImageEmbedding, tmp_path: Path
) -> None:
    source = installed(sam.name) if sam.name in WEIGHTS else None
    if source is None:
        ours, theirs = "image_encoder.encoder.", "vision_encoder."
        tensors = {name.replace(ours, theirs): value.contiguous() for name, value in sam.state_dict().items()}
    else:
        tensors = load_tensors(source)
    pixels = torch.rand(1, 3, sam.rule.size, sam.rule.size, generator=torch.Generator().manual_seed(5))
    first = ImageEmbedding(embedding.main[:1])
    dense = torch.randn(1, *sam.embedding_shape)
    made = []
    for longer in (0, 8, 16):
        file = tmp_path / f"{longer}.safetensors"
        save_file(tensors, file, metadata={"x": "x" * longer})
        loaded = load_sam(str(file))
        made.append((loaded.encode(pixels).main, loaded.decode(first, Prompt(dense))))
        file.unlink()
    assert all(torch.equal(one, other) for pair in made[1:] for one, other in zip(made[0], pair, strict=True))


def test_the_gradient_reaches_the_dense_prompt_and_nothing_else(sam: Sam, embedding: ImageEmbedding) -> None:
    dense = torch.randn(2, *sam.embedding_shape, requires_grad=True)
    logits = sam.decode(embedding, Prompt(dense))
    logits.sum().backward()
    assert dense.grad is not None
    assert bool((dense.grad.flatten(1).abs().sum(1) > 0).all())
    assert all(weight.grad is None for weight in sam.parameters())


def test_a_batch_is_decoded_as_each_of_it_alone(sam: Sam, embedding: ImageEmbedding) -> None:
    channels, height, width = sam.embedding_shape
    dense = torch.randn(2, channels, height, width)
    both = sam.decode(embedding, Prompt(dense))
    assert both.shape == (2, 1, 4 * height, 4 * width)
    for i in range(2):
        alone = sam.decode(ImageEmbedding(embedding.main[i : i + 1]), Prompt(dense[i : i + 1]))
        torch.testing.assert_close(both[i : i + 1], alone, rtol=1e-4, atol=1e-4)


def test_every_kind_of_prompt_is_decoded(sam: Sam, embedding: ImageEmbedding) -> None:
    channels, height, width = sam.embedding_shape
    side = float(sam.rule.size)
    points = (torch.rand(2, 3, 2) * side, torch.tensor([[1, 0, 1], [0, 1, 1]]))
    boxes = torch.tensor([[0.0, 0.0, side / 2, side / 2]]).repeat(2, 1)
    masks = torch.randn(2, 1, 4 * height, 4 * width)
    prompts = {
        "points": sam.prompt(points=points),
        "boxes": sam.prompt(boxes=boxes),
        "masks": sam.prompt(masks=masks),
        "all": sam.prompt(points=points, boxes=boxes, masks=masks),
        "none": sam.prompt(),
    }
    tokens = {name: None if prompt.sparse is None else prompt.sparse.shape[1] for name, prompt in prompts.items()}
    assert tokens == {"points": 4, "boxes": 2, "masks": None, "all": 5, "none": None}
    for prompt in prompts.values():
        assert prompt.dense.shape[1:] == (channels, height, width)
        logits, quality = sam.decode_with_quality(embedding, prompt)
        assert logits.shape == (2, 1, 4 * height, 4 * width)
        assert quality.shape == (2, 1)
        assert bool(torch.isfinite(logits).all())


def test_a_prompt_of_another_shape_is_refused() -> None:
    sam = tiny_sam()
    embedding = ImageEmbedding(torch.zeros(3, *sam.embedding_shape))
    with pytest.raises(ValueError, match="dense prompt"):
        sam.decode(embedding, Prompt(torch.zeros(2, *sam.embedding_shape)))
    with pytest.raises(ValueError, match="sparse prompt"):
        sam.decode(embedding, Prompt(torch.zeros(3, *sam.embedding_shape), torch.zeros(2, 1, 32)))
    with pytest.raises(ValueError, match="boxes"):
        sam.prompt(boxes=torch.zeros(2, 1, 4))


def test_missing_weights_name_the_command(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("AUTOSAM_CACHE", str(tmp_path))
    with pytest.raises(ModelError, match="autosam fetch litemedsam") as fault:
        load_sam("litemedsam")
    assert fault.value.exit_code == 3
    with pytest.raises(ModelError, match="autosam fetch mobilesam"):
        load_sam("mobilesam")


def test_unknown_names_and_missing_files_are_told_apart(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="'sam-vit-base'"):
        load_sam("sam-vit-bse")
    with pytest.raises(ModelError, match="no such file"):
        load_sam(str(tmp_path / "absent.pth"))
    with pytest.raises(ModelError, match="no name of a model"):
        load_sam("a--b/c")


def test_weights_under_another_name_are_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    tiny = tiny_sam()
    file = tmp_path / "x.safetensors"
    from safetensors.torch import save_file

    save_file({name: tensor.contiguous() for name, tensor in tiny.state_dict().items()}, file)
    monkeypatch.setattr(frozen_sam, "installed", lambda name: file)
    with pytest.raises(ModelError, match="weights of sam, not of sam-vit-large"):
        load_sam("sam-vit-large")


def test_a_hub_name_is_looked_up_in_the_local_cache_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(frozen_sam, "hub_folder", lambda repository: None)
    with pytest.raises(ModelError, match="hf download someone/some-sam"):
        load_sam("someone/some-sam")
