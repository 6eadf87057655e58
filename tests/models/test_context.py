"""The blocks that the light g and h are made of."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn.functional import avg_pool2d, layer_norm

from autosam.core.errors import ModelError
from autosam.models.context import Context, LayerNorm2d, Residual, scales_of, to_grid


@pytest.mark.parametrize(("scales", "cells"), [(3, 28), (4, 60)])
def test_context_sees_so_many_cells_to_each_side(scales: int, cells: int) -> None:
    context = Context(4, scales).eval()
    x = torch.randn(1, 4, 144, 144, requires_grad=True)
    context(x)[0, :, 72, 72].sum().backward()
    assert x.grad is not None
    seen = x.grad[0].abs().sum(0) > 0
    rows = seen.any(1).nonzero().flatten()
    assert int(rows.min()) <= 72 - cells and int(rows.max()) >= 72 + cells


def test_a_corner_of_a_sams_grid_sees_the_whole_frame() -> None:
    x = torch.randn(1, 4, 64, 64, requires_grad=True)
    Context(4)(x)[0, :, 0, 0].sum().backward()
    assert x.grad is not None and bool((x.grad.abs().sum(1) > 0).all())


def test_context_of_three_scales_has_the_names_that_it_always_had() -> None:
    counts = {"at_full": 1, "at_half": 2, "at_quarter": 2, "at_last": 1}
    names = {f"{part}.{number}" for part, count in counts.items() for number in range(count)}
    assert {".".join(name.split(".")[:2]) for name in Context(4, 3).state_dict()} == names


@pytest.mark.parametrize("scales", [0, 5, "4", None, [4]])
def test_other_scales_are_refused(scales: object) -> None:
    with pytest.raises(ModelError, match="scales"):
        scales_of({"scales": scales})


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


def norm(channels: int) -> LayerNorm2d:
    made = LayerNorm2d(channels)
    nn.init.normal_(made.weight)
    nn.init.normal_(made.bias)
    return made


@pytest.mark.parametrize("bias", [True, False])
def test_a_norm_folded_into_a_convolution_is_both_after_each_other(bias: bool) -> None:
    made, convolution = norm(6), nn.Conv2d(6, 4, 1, bias=bias)
    x = torch.randn(2, 6, 5, 3, requires_grad=True)
    weights = [x, *made.parameters(), *convolution.parameters()]
    torch.testing.assert_close(made.into(convolution, x), convolution(made(x)))
    folded, apart = (
        torch.autograd.grad(y.square().sum(), weights) for y in (made.into(convolution, x), convolution(made(x)))
    )
    torch.testing.assert_close(folded, apart, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("channels", [16, 64, 128])
@pytest.mark.parametrize("folded", [True, False])
def test_a_norms_own_gradients_are_right_in_bfloat16(channels: int, folded: bool) -> None:
    torch.manual_seed(0)
    made, convolution = norm(channels), nn.Conv2d(channels, channels, 1)
    x = torch.randn(2, channels, 64, 64).bfloat16()
    wanted = torch.randn(2, channels, 64, 64)

    def gradients(precision: torch.dtype) -> list[torch.Tensor]:
        with torch.autocast("cpu", precision, enabled=precision == torch.bfloat16):
            given = x.to(precision)
            y = made.into(convolution, given) if folded else made(given)
        return list(torch.autograd.grad((y.float() * wanted).sum(), list(made.parameters())))

    for low, full in zip(gradients(torch.bfloat16), gradients(torch.float32), strict=True):
        assert float((low - full).norm() / full.norm()) < 0.03
