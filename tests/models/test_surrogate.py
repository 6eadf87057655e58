"""The surrogate decoder h: parity with the reference, and its contract."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from autosam.models.prompt_encoder import build_prompt_encoder
from autosam.models.surrogate import Surrogate

Rule = Callable[[str, tuple[int, ...]], np.ndarray]


def filled(module: torch.nn.Module, fill: Rule) -> torch.nn.Module:
    state = {name: torch.from_numpy(np.asarray(fill(name, tuple(t.shape)))) for name, t in module.state_dict().items()}
    module.load_state_dict(state)
    return module.eval()


def test_h_is_the_reference(golden: Path, fill: Rule, noise: Rule) -> None:
    g = filled(build_prompt_encoder("hardnet85", embedding_shape=(256, 64, 64), size=512), fill)
    h = filled(Surrogate(), fill)
    keys = json.loads((golden / "keys.json").read_text())["model_h"]["keys"]
    assert {name: list(tensor.shape) for name, tensor in h.state_dict().items()} == keys
    with torch.no_grad():
        z = g(torch.from_numpy(noise(512, (1, 3, 512, 512))) * g.std + g.mean, None)
        y = h(z)
    assert y.shape == (1, 1, 256, 256)
    np.testing.assert_allclose(y[:, :, ::4, ::4].numpy(), np.load(golden / "h.npz")["y"], rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(("channels", "grid"), [(32, (4, 4)), (256, (8, 8)), (8, (5, 3))])
def test_logits_have_four_times_the_grid(channels: int, grid: tuple[int, int]) -> None:
    h = Surrogate(channels)
    logits = h(torch.randn(2, channels, *grid))
    assert logits.shape == (2, 1, 4 * grid[0], 4 * grid[1])
    logits.square().sum().backward()
    assert all(parameter.grad is not None and bool(parameter.grad.any()) for parameter in h.parameters())


def test_another_width_is_refused() -> None:
    with pytest.raises(ValueError, match=r"\(\*, 32, \*, \*\)"):
        Surrogate(32)(torch.zeros(1, 16, 4, 4))
