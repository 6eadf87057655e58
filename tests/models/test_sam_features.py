"""The light default g, and the blocks that it is made of."""

from __future__ import annotations

import pytest
import torch
from torch.nn.functional import avg_pool2d, layer_norm

from autosam.models.context import Context, LayerNorm2d, Residual, to_grid
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


def test_context_sees_twenty_eight_cells_to_each_side() -> None:
    context = Context(4).eval()
    x = torch.randn(1, 4, 80, 80, requires_grad=True)
    context(x)[0, :, 40, 40].sum().backward()
    assert x.grad is not None
    seen = x.grad[0].abs().sum(0) > 0
    rows = seen.any(1).nonzero().flatten()
    assert int(rows.min()) <= 40 - 28 and int(rows.max()) >= 40 + 28


@pytest.mark.parametrize("side", [1, 2, 3, 7, 16])
def test_context_keeps_any_shape(side: int) -> None:
    assert Context(4)(torch.randn(2, 4, side, side + 2)).shape == (2, 4, side, side + 2)


def test_residual_starts_as_a_map_of_the_same_shape_with_gradient() -> None:
    block = Residual(4)
    block(torch.randn(1, 4, 5, 5)).square().sum().backward()
    assert all(p.grad is not None and bool(p.grad.any()) for p in block.parameters())


def test_layer_norm_normalises_each_position() -> None:
    x = torch.randn(2, 6, 3, 5)
    expected = layer_norm(x.movedim(1, -1), (6,), eps=1e-6).movedim(-1, 1)
    torch.testing.assert_close(LayerNorm2d(6)(x), expected)


def test_to_grid_averages_whole_multiples_and_keeps_constants() -> None:
    x = torch.randn(1, 2, 12, 8)
    torch.testing.assert_close(to_grid(x, (4, 4)), avg_pool2d(x, (3, 2)))
    assert to_grid(x, (12, 8)) is x
    for grid in ((5, 5), (64, 64), (1, 3)):
        torch.testing.assert_close(to_grid(torch.ones(1, 2, 12, 8), grid), torch.ones(1, 2, *grid))
