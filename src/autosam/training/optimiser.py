"""The optimiser, its learning rate, and its state as plain tensors."""

from __future__ import annotations

import math
from collections.abc import Iterable

import torch
from torch import nn

from autosam.core.files import place_torch_folder
from autosam.training.config import Schedule, TrainConfig
from autosam.training.run_config import Plan
from autosam.training.state import Tensors


def make_optimiser(parameters: Iterable[nn.Parameter], config: TrainConfig) -> torch.optim.Optimizer:
    """Returns the optimiser of the choices over the trained parameters."""
    place_torch_folder()
    kind = torch.optim.Adam if config.optimiser == "adam" else torch.optim.AdamW
    return kind(parameters, lr=config.lr, weight_decay=config.weight_decay, fused=True)


def learning_rate(step: int, plan: Plan, greatest: float, schedule: Schedule = "cosine") -> float:
    """Returns the rate of a step (from 1): linear warm-up, then half a cosine down to 1 % of the greatest.

    A constant schedule has the greatest at every step.
    """
    if schedule == "constant":
        return greatest
    if step <= plan.warmup:
        return greatest * step / plan.warmup
    done = (step - plan.warmup) / max(1, plan.steps_at(step) - plan.warmup)
    return greatest * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * done)))


def dump_optimiser(optimiser: torch.optim.Optimizer, parameters: dict[str, nn.Parameter]) -> Tensors:
    """Returns the optimiser's state as flat tensors, "NAME.exp_avg" and so on."""
    flat: Tensors = {}
    for name, parameter in parameters.items():
        for part, value in optimiser.state.get(parameter, {}).items():
            flat[f"{name}.{part}"] = value.detach().to("cpu", copy=True)
    return flat


def load_optimiser(optimiser: torch.optim.Optimizer, parameters: dict[str, nn.Parameter], flat: Tensors) -> None:
    """Puts back what `dump_optimiser` gave."""
    for name, parameter in parameters.items():
        held = {key[len(name) + 1 :]: value for key, value in flat.items() if key.rpartition(".")[0] == name}
        if held:
            optimiser.state[parameter] = {
                # In the parameter's own layout: the fused optimiser walks through memory. It wants all on one device.
                part: value.to(parameter.device, copy=True)
                if part == "step"
                else torch.empty_like(parameter).copy_(value)
                for part, value in held.items()
            }
