"""Convolutions of eight-bit integers: exact where they can be, near where they round, whole in a checkpoint."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn.functional import conv2d

from autosam.core.errors import ModelError, UsageError
from autosam.models.checkpoint import load_trained
from autosam.models.hardnet_prompt import HarDNetPromptEncoder
from autosam.models.quantised import QuantisedConvolution, make_room, observed, quantise

SHAPES = st.tuples(st.integers(16, 24), st.integers(16, 24), st.sampled_from([1, 3]), st.sampled_from([1, 2]))


def convolution(shape: tuple[int, int, int, int], *, bias: bool = True) -> nn.Conv2d:
    inputs, outputs, kernel, stride = shape
    return nn.Conv2d(inputs, outputs, kernel, stride=stride, padding=kernel // 2, bias=bias)


@given(SHAPES, st.integers(0, 99), st.floats(-8, 0), st.floats(0.1, 8))
@settings(deadline=None, max_examples=30)
def test_rounding_moves_a_sum_by_no_more_than_half_a_level_a_factor(
    shape: tuple[int, int, int, int], seed: int, low: float, high: float
) -> None:
    torch.manual_seed(seed)
    like = convolution(shape)
    x = torch.rand(1, shape[0], 9, 8) * (high - low) + low
    made = QuantisedConvolution(like, low, high)
    step = (high - low) / 255
    scales = like.weight.detach().abs().flatten(1).amax(1) / 127
    with torch.no_grad():
        of_inputs = conv2d(torch.ones_like(x), like.weight.abs(), None, like.stride, like.padding) * step / 2
        # What the border is filled up with, and the level that nought lies at, are rounded with the rest.
        of_weights = conv2d(x.abs() + step, torch.ones_like(like.weight), None, like.stride, like.padding)
        bound = of_inputs * 2 + of_weights * scales[None, :, None, None] / 2 + 1e-4
        assert ((made(x) - like(x)).abs() <= bound).all()


@given(SHAPES, st.integers(0, 99), st.booleans())
@settings(deadline=None, max_examples=20)
def test_integers_are_multiplied_as_they_are(shape: tuple[int, int, int, int], seed: int, bias: bool) -> None:
    torch.manual_seed(seed)
    like = convolution(shape, bias=bias)
    with torch.no_grad():
        like.weight.copy_(torch.randint(-127, 128, like.weight.shape))
        like.weight[:, 0, 0, 0] = 127
    x = torch.randint(0, 256, (2, shape[0], 6, 7)).float()
    assert torch.allclose(QuantisedConvolution(like, 0, 255)(x), like(x), rtol=1e-5, atol=0.5)


def test_values_beyond_the_range_are_cut_to_it() -> None:
    like = convolution((16, 16, 1, 1))
    made = QuantisedConvolution(like, -1, 3)
    high, low = (torch.full((1, 16, 2, 2), value) for value in (3.0, -1.0))
    assert torch.equal(made(high * 9), made(high))
    assert torch.equal(made(low * 9), made(low))


def network() -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(3, 16, 3), nn.ReLU(), nn.Conv2d(16, 32, 3, bias=False), nn.BatchNorm2d(32), nn.ReLU(),
        nn.Conv2d(32, 32, 3, groups=32), nn.Conv2d(32, 16, 3, padding=1, padding_mode="circular"), nn.Conv2d(16, 1, 1),
        nn.Conv2d(1, 16, 1), nn.Conv2d(16, 16, 1),
    ).eval()  # fmt: skip


def called(network: nn.Module, inputs: list[Tensor]) -> Iterator[Tensor]:
    with torch.inference_mode():
        for x in inputs:
            yield network(x)


def test_only_plain_large_convolutions_are_observed_and_made_integers() -> None:
    made = network()
    inputs = [torch.rand(1, 3, 12, 12) for _ in range(3)]
    seen: list[Tensor] = []
    made[1].register_forward_hook(lambda _, __, out: seen.append(out))
    ranges = observed(made, called(made, inputs))
    assert set(ranges) == {"2", "9"}
    assert ranges["2"] == (0.0, max(float(out.max()) for out in seen))
    quantise(made, ranges)
    assert [name for name, part in made.named_modules() if isinstance(part, QuantisedConvolution)] == ["2", "9"]
    assert made[2].codes.dtype == torch.int8
    assert made[2].bias is None


def test_what_does_not_run_is_left_as_it_is() -> None:
    parts = nn.ModuleDict({"used": nn.Conv2d(16, 16, 1), "unused": nn.Conv2d(16, 16, 1)})
    ranges = observed(parts, called(parts["used"], [torch.rand(1, 16, 3, 3)]))
    assert set(ranges) == {"used"}


def test_a_network_without_large_convolutions_is_refused() -> None:
    small = nn.Sequential(nn.Conv2d(3, 8, 3))
    with pytest.raises(UsageError, match="worth quantising"):
        observed(small, called(small, [torch.rand(1, 3, 8, 8)]))


def test_hooks_go_with_the_calls_even_where_one_fails() -> None:
    made = network()

    def fails() -> Iterator[Tensor]:
        yield from called(made, [torch.rand(1, 3, 12, 12)])
        raise RuntimeError("no image")

    with pytest.raises(RuntimeError, match="no image"):
        observed(made, fails())
    assert not any(part._forward_pre_hooks for part in made.modules())


@pytest.mark.parametrize("name", ["hardnet85", "hardnet68", "hardnet39ds"])
def test_a_prompt_encoder_answers_nearly_the_same_and_is_loaded_as_it_was(name: str) -> None:
    def built() -> HarDNetPromptEncoder:
        return HarDNetPromptEncoder(name, embedding_shape=(16, 8, 8), size=64).eval()

    torch.manual_seed(0)
    g = built()
    images = [torch.rand(1, 3, 64, 64) for _ in range(2)]
    with torch.inference_mode():
        before = [g(image) for image in images]
    quantise(g, observed(g, called(g, images)))
    with torch.inference_mode():
        after = [g(image) for image in images]
    for one, other in zip(before, after, strict=True):
        assert torch.cosine_similarity(one.flatten(), other.flatten(), 0) > 0.99
    again = built()
    make_room(again, g.state_dict())
    load_trained(again, g.state_dict(), Path("model.safetensors"))
    with torch.inference_mode():
        assert all(torch.equal(again(image), one) for image, one in zip(images, after, strict=True))


def test_integers_do_not_fit_a_network_of_fractions() -> None:
    made = network()
    before = {name: value.clone() for name, value in made.state_dict().items()}
    quantise(made, observed(made, called(made, [torch.rand(1, 3, 12, 12)])))
    with pytest.raises(ModelError, match=r"2\.weight is missing"):
        load_trained(network(), made.state_dict(), Path("model.safetensors"))
    assert set(before) != set(made.state_dict())
