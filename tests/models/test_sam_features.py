"""The light default g."""

from __future__ import annotations

import pytest
import torch

from autosam.core.errors import ModelError
from autosam.models.prompt_encoder import build_prompt_encoder
from autosam.models.sam_features import SamFeatures

STEMS = [(256, 64, 2), (512, 64, 3), (352, 64, 2), (64, 4, 4), (64, 64, 1)]


@pytest.mark.parametrize("size", [256, 512])
def test_it_has_less_than_a_million_parameters(size: int) -> None:
    g = SamFeatures(embedding_shape=(256, 64, 64), size=size)
    assert sum(p.numel() for p in g.parameters()) < 1_000_000


@pytest.mark.parametrize(("size", "grid", "halvings"), STEMS)
def test_the_stem_halves_down_to_the_grid(size: int, grid: int, halvings: int) -> None:
    assert len(SamFeatures(embedding_shape=(8, grid, grid), size=size).stem) == halvings


def test_the_prompt_starts_near_zero_but_not_at_it() -> None:
    g = SamFeatures(embedding_shape=(32, 8, 8), size=64).eval()
    with torch.no_grad():
        z = g(torch.rand(2, 3, 64, 64), torch.randn(2, 32, 8, 8))
    assert 0 < z.abs().max() < 0.1


def test_it_reads_image_and_embedding() -> None:
    g = SamFeatures(embedding_shape=(32, 8, 8), size=64).eval()
    image, embedding = torch.rand(1, 3, 64, 64), torch.randn(1, 32, 8, 8)
    with torch.no_grad():
        z = g(image, embedding)
        assert not torch.allclose(z, g(image.flip(-1), embedding), rtol=0, atol=1e-6)
        assert not torch.allclose(z, g(image, embedding.flip(-1)), rtol=0, atol=1e-6)


def test_the_embeddings_layout_in_memory_does_not_matter() -> None:
    g = SamFeatures(embedding_shape=(32, 8, 8), size=64).eval()
    image, embedding = torch.rand(2, 3, 64, 64), torch.randn(2, 32, 8, 8)
    with torch.no_grad():
        last = g(image, embedding.contiguous(memory_format=torch.channels_last))
        torch.testing.assert_close(g(image, embedding), last)


def test_a_missing_or_misshapen_embedding_is_refused() -> None:
    g = SamFeatures(embedding_shape=(32, 8, 8), size=64)
    with pytest.raises(ValueError, match="needs the embedding"):
        g(torch.rand(1, 3, 64, 64), None)
    with pytest.raises(ValueError, match=r"\(2, 32, 8, 8\)"):
        g(torch.rand(2, 3, 64, 64), torch.randn(1, 32, 8, 8))


@pytest.mark.parametrize("scale", [0.01, 1.0, 100.0])
def test_image_and_embedding_weigh_alike_at_the_start_at_any_scale_of_the_embedding(scale: float) -> None:
    g = SamFeatures(embedding_shape=(32, 8, 8), size=64).eval()
    image, embedding = torch.rand(1, 3, 64, 64), scale * torch.randn(1, 32, 8, 8)
    changes = []
    with torch.no_grad():
        z = g(image, embedding)
        for other in (g(image.flip(-1), embedding), g(image, embedding.flip(-1))):
            changes.append(float((other - z).std()))
    assert 0.2 < changes[0] / changes[1] < 5


def test_an_embedding_of_another_scale_gives_the_same_prompt_but_in_checkpoints_of_before() -> None:
    image, embedding = torch.rand(1, 3, 64, 64), torch.randn(1, 32, 8, 8)
    for normed in (True, False):
        g = SamFeatures(embedding_shape=(32, 8, 8), size=64, normed=normed).eval()
        with torch.no_grad():
            apart = (g(image, 9 * embedding) - g(image, embedding)).abs().max()
        assert (apart < 1e-6) == normed


@pytest.mark.parametrize(
    ("config", "scales", "normed"),
    [
        (None, 4, True),
        ({}, 3, False),
        ({"scales": 3}, 3, False),
        ({"scales": 4}, 4, False),
        ({"scales": 4, "normed": True}, 4, True),
    ],
)
def test_checkpoints_of_before_are_built_again(config: dict[str, object] | None, scales: int, normed: bool) -> None:
    g = build_prompt_encoder("sam-features", embedding_shape=(32, 8, 8), size=64, config=config)
    expected = SamFeatures(embedding_shape=(32, 8, 8), size=64, scales=scales, normed=normed)
    assert g.config == expected.config == {"scales": scales, "normed": normed}
    assert g.state_dict().keys() == expected.state_dict().keys()


@pytest.mark.parametrize("normed", [1, "true", None, []])
def test_a_norm_that_is_none_is_refused(normed: object) -> None:
    with pytest.raises(ModelError, match="norm"):
        build_prompt_encoder("sam-features", embedding_shape=(32, 8, 8), size=64, config={"normed": normed})
