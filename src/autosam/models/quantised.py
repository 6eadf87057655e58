"""Convolutions of eight-bit integers: a trained network made a quarter of its size, and faster on most CPUs."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from functools import partial

import torch
from torch import Tensor, nn

from autosam.core.errors import UsageError

# Of fewer channels a convolution takes next to no time, and its rounding shows: an image's three, a mask's one.
_FEWEST = 16
_CODES = ".codes"
_LEVELS = 255
_LEAST, _MOST = -128, 127

Ranges = Mapping[str, tuple[float, float]]
"""By a convolution's name: the least and the greatest value that it is given."""


class QuantisedConvolution(nn.Module):
    """A convolution whose weights and inputs are integers of eight bits with a scale: one a filter, one for the inputs.

    It computes what such integers give in the arithmetic around it. A compiler that knows them (OpenVINO) multiplies
    the integers themselves, with sums of 32 bits. Values beyond its range are cut to it.

    Args:
        like: the convolution that it takes the place of.
        low, high: the range of its inputs.
    """

    codes: Tensor
    scales: Tensor
    zeros: Tensor
    bias: Tensor | None

    def __init__(self, like: nn.Conv2d, low: float = 0.0, high: float = 1.0) -> None:
        super().__init__()
        self._convolve = partial(nn.functional.conv2d, stride=like.stride, padding=like.padding, dilation=like.dilation)
        # Nought is among the levels: a map's border is filled up with it.
        low, high = min(low, 0.0), max(high, 0.0)
        self._step = max(high - low, torch.finfo(torch.float32).tiny * _LEVELS) / _LEVELS
        self._zero = round(-low / self._step)
        weight = like.weight.detach()
        scales = weight.abs().flatten(1).amax(1).clamp(min=torch.finfo(torch.float32).tiny) / _MOST
        self.register_buffer("codes", (weight / scales[:, None, None, None]).round().to(torch.int8))
        self.register_buffer("scales", scales)
        self.register_buffer("zeros", torch.zeros(len(scales), dtype=torch.int32), persistent=False)
        self.register_buffer("bias", None if like.bias is None else like.bias.detach().clone())

    def get_extra_state(self) -> Tensor:
        """Returns the scale of its inputs and which of their levels is nought, (2,) float64."""
        return torch.tensor([self._step, self._zero], dtype=torch.float64)

    def set_extra_state(self, state: Tensor) -> None:
        """Takes what `get_extra_state` gave."""
        # Plain numbers: to a graph they are constants, and a GPU need not be waited for.
        step, zero = state.tolist()
        self._step, self._zero = step, int(zero)

    def forward(self, x: Tensor) -> Tensor:
        """Returns (B, F, H', W') of (B, C, H, W)."""
        x = torch.fake_quantize_per_tensor_affine(x.float(), self._step, self._zero, 0, _LEVELS)
        # Rounded once more, to the same: by that a compiler knows integers, though it has put the scales into them.
        weight = self.codes * self.scales[:, None, None, None]
        weight = torch.fake_quantize_per_channel_affine(weight, self.scales, self.zeros, 0, _LEAST, _MOST)
        return self._convolve(x, weight, self.bias)


def observed(network: nn.Module, calls: Iterable[object]) -> dict[str, tuple[float, float]]:
    """Returns the ranges of all convolutions worth quantising that run, over some calls of the network.

    Args:
        network: it is called by whoever yields `calls`, once an item.
        calls: an item for each call that was made.

    Raises:
        UsageError: where no such convolution runs.
    """
    ranges: dict[str, tuple[float, float]] = {}

    def note(name: str, x: Tensor) -> None:
        low, high = ranges.get(name, (0.0, 0.0))
        ranges[name] = min(low, float(x.min())), max(high, float(x.max()))

    hooks = [
        module.register_forward_pre_hook(lambda _, inputs, name=name: note(name, inputs[0]))
        for name, module in _convolutions(network)
    ]
    try:
        # Where there is none, nothing need be called to know it.
        for _ in calls if hooks else ():
            pass
    finally:
        for hook in hooks:
            hook.remove()
    if not ranges:
        raise UsageError(
            "nothing of this model is worth quantising: it has no large convolutions of its own",
            cure="Take it as it is; --engine openvino is the fastest on most CPUs",
        )
    return ranges


def quantise(network: nn.Module, ranges: Ranges) -> None:
    """Puts a `QuantisedConvolution` in the place of each convolution that has a range."""
    for name, module in list(_convolutions(network)):
        if name in ranges:
            _replace(network, name, QuantisedConvolution(module, *ranges[name]))


def make_room(network: nn.Module, tensors: Mapping[str, Tensor]) -> None:
    """Puts an empty `QuantisedConvolution` where a checkpoint's tensors are those of one, to be filled next."""
    for name, module in list(_convolutions(network)):
        if name + _CODES in tensors:
            _replace(network, name, QuantisedConvolution(module))


def impossible(tensors: Mapping[str, Tensor]) -> list[str]:
    """Returns what no integers of a checkpoint can be: a sentence for each convolution that has such values."""
    return [
        f"{name.removesuffix(_CODES)} has integers that cannot be"
        for name, codes in tensors.items()
        if name.endswith(_CODES) and not _possible(codes, tensors, name.removesuffix(_CODES))
    ]


def _possible(codes: Tensor, tensors: Mapping[str, Tensor], name: str) -> bool:
    scales, state = tensors.get(f"{name}.scales"), tensors.get(f"{name}._extra_state")
    if codes.dtype != torch.int8 or scales is None or state is None or state.shape != (2,):
        return False
    step, zero = state.tolist()
    whole = math.isfinite(zero) and zero == int(zero) and 0 <= zero <= _LEVELS
    return whole and bool(0 < step < math.inf) and bool((scales.isfinite() & (scales > 0)).all())


def _convolutions(network: nn.Module) -> Iterator[tuple[str, nn.Conv2d]]:
    for name, module in network.named_modules():
        # A convolution of a class of its own may do more than convolve.
        plain = type(module) is nn.Conv2d and module.groups == 1 and module.padding_mode == "zeros"
        if plain and min(module.in_channels, module.out_channels) >= _FEWEST:
            yield name, module


def _replace(network: nn.Module, name: str, module: nn.Module) -> None:
    parent, _, own = name.rpartition(".")
    setattr(network.get_submodule(parent), own, module)
