"""The training loop, readable from top to bottom."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import count, islice
from typing import Any

import torch
from torch import nn
from torch.nn.functional import interpolate

from autosam.core.ahead import ahead
from autosam.core.errors import DataError
from autosam.core.precision import computing
from autosam.core.progress import Progress
from autosam.models.segmenter import Segmenter
from autosam.training.config import Plan, TrainConfig
from autosam.training.examples import Batch, Examples, Index, order
from autosam.training.losses import LOSSES, Loss
from autosam.training.state import State, Tensors

MAX_SKIPPED = 3
CLIP = 1.0


@dataclass(frozen=True, slots=True)
class Hooks:
    """What the loop calls.

    Attributes:
        validate: (step) -> mean Dice of the averaged weights (those in `shadow`) on the validation cases; None where
            there are none: then the last weights are kept.
        save: keeps a state.
        log: one row of numbers.
        stopped: whether somebody asked to stop.
    """

    validate: Callable[[int], float | None]
    save: Callable[[State], None]
    log: Callable[[dict[str, Any]], None]
    stopped: Callable[[], bool]


def fit(
    segmenter: Segmenter,
    shadow: Segmenter,
    examples: Examples,
    *,
    config: TrainConfig,
    plan: Plan,
    state: State | None,
    hooks: Hooks,
    device: torch.device,
    progress: Progress,
) -> State:
    """Trains `segmenter`'s trained part from `state` (None: from its weights as they are) to the plan's last step.

    Args:
        segmenter: what is trained.
        shadow: the same architecture; it holds the exponential average, which is validated and kept.
        examples: the training views.
        config: the choices.
        plan: steps and views.
        state: where to go on.
        hooks: validation, saving, logging, stopping.
        device: where the steps run.
        progress: told of every step.

    Returns:
        The last state; its `best` is the average at the best validation. Where it was stopped, the state there.

    Raises:
        DataError: after three steps whose loss or gradient was not finite; it names the files of the last.
    """
    trained, average = segmenter.trained(), shadow.trained()
    parameters = dict(trained.named_parameters())
    optimiser = torch.optim.AdamW(parameters.values(), lr=config.lr, weight_decay=config.weight_decay, fused=True)
    if state is None:
        average.load_state_dict(trained.state_dict())
        state = State(0, {}, {}, copy(average), None, 0, {})
    else:
        trained.load_state_dict(state.weights)
        average.load_state_dict(state.average)
        load_optimiser(optimiser, parameters, state.optimiser)
    loss_of = LOSSES[config.loss][0]

    def now(at: State, step: int) -> State:
        return replace(
            at, step=step, weights=copy(trained), average=copy(average), optimiser=dump_optimiser(optimiser, parameters)
        )

    progress.start("training", plan.steps)
    progress.advance(state.step)
    schedule = batches(examples, plan, config, state.step)
    for step, batch in zip(range(state.step + 1, plan.steps + 1), schedule, strict=False):
        rate = learning_rate(step, plan, config.lr)
        losses = update(segmenter, optimiser, batch, loss_of, rate, device, plan.step_precision)
        if losses is None:
            state = replace(state, skipped=state.skipped + 1)
            hooks.log({"step": step, "skipped": list(batch.ids)})
            if state.skipped >= MAX_SKIPPED:
                hooks.save(now(state, step - 1))
                raise DataError(
                    f"the loss was not finite at {MAX_SKIPPED} steps, the last one at {', '.join(batch.ids)}",
                    cure="Look at them with `autosam data check`, or lower --lr; the last good state is kept",
                )
        else:
            blend(average, trained, min(config.ema, step / (step + 9)))
            hooks.log({"step": step, "lr": rate, "loss": losses[0], "loss_surrogate": losses[1]})
        progress.advance(note="" if losses is None else f"loss {losses[0]:.3f}")
        if step % plan.validate_every == 0 or step == plan.steps:
            dice = hooks.validate(step)
            if is_chosen(state, step, dice, plan):
                state = replace(state, best=copy(average), best_dice=dice, best_step=step)
            if dice is not None:
                hooks.log({"step": step, "val_dice": dice})
            state = now(state, step)
            hooks.save(state)
        if hooks.stopped():
            state = now(state, step)
            hooks.save(state)
            break
    return state


def is_chosen(state: State, step: int, dice: float | None, plan: Plan) -> bool:
    """Returns whether the average at `step` takes the place of the best so far.

    An early peak on a few validation cases, at a high learning rate, is luck more often than not: what is kept in the
    end is the best of the second half of the steps. Without validation cases it is the last.
    """
    if dice is None or state.best_dice is None:
        return True
    first_of_second_half = 2 * step > plan.steps >= 2 * state.best_step
    return first_of_second_half or dice > state.best_dice


def batches(examples: Examples, plan: Plan, config: TrainConfig, done: int) -> Iterator[Batch]:
    """Yields the batches of steps `done` + 1 and on, made ahead of their use."""

    def indices() -> Iterator[list[Index]]:
        for epoch in count(done // plan.epoch_steps):
            whole = order(len(examples.data), plan.views, epoch, config.seed)
            for start in range(0, len(whole), config.batch):
                yield whole[start : start + config.batch]

    wanted = islice(indices(), done % plan.epoch_steps, done % plan.epoch_steps + plan.steps - done)
    return ahead(examples.batch, wanted)


def update(
    segmenter: Segmenter,
    optimiser: torch.optim.Optimizer,
    batch: Batch,
    loss_of: Loss,
    rate: float,
    device: torch.device,
    precision: str = "float32",
) -> tuple[float, float] | None:
    """Takes one optimiser step, its products in `precision`; losses, weights and their sums are in float32.

    Returns:
        The losses of SAM's mask and of the surrogate's; None, and the weights untouched, where the loss or its gradient
        is not finite.
    """
    segmenter.train(True)
    target, valid = batch.target.to(device), batch.valid.to(device)
    embedding = None if batch.embedding is None else batch.embedding.to(device)
    with computing(precision, device):
        masks = segmenter(batch.image.to(device), embedding)
    loss = loss_of(to_size(masks.logits.float(), target), target, valid)
    beside = torch.zeros(())
    if masks.surrogate is not None:
        beside = loss_of(to_size(masks.surrogate.float(), target), target, valid)
    optimiser.zero_grad(set_to_none=True)
    torch.autograd.backward(loss + beside.to(loss.device))
    parameters = [p for group in optimiser.param_groups for p in group["params"]]
    norm = nn.utils.clip_grad_norm_(parameters, CLIP)
    seen = loss.item(), beside.item()
    if not all(math.isfinite(value) for value in (*seen, norm.item())):
        return None
    for group in optimiser.param_groups:
        group["lr"] = rate
    optimiser.step()
    return seen


def to_size(logits: torch.Tensor, like: torch.Tensor) -> torch.Tensor:
    """Returns logits (B, 1, h, w) at the height and width of `like`, interpolated bilinearly."""
    if logits.shape[-2:] == like.shape[-2:]:
        return logits
    return interpolate(logits, like.shape[-2:], mode="bilinear", align_corners=False)


def learning_rate(step: int, plan: Plan, greatest: float) -> float:
    """Returns the rate of a step (from 1): linear warm-up, then half a cosine down to 1 % of the greatest."""
    if step <= plan.warmup:
        return greatest * step / plan.warmup
    done = (step - plan.warmup) / max(1, plan.steps - plan.warmup)
    return greatest * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * done)))


@torch.no_grad()
def blend(average: nn.Module, trained: nn.Module, decay: float) -> None:
    """Moves the average towards the trained tensors: average = decay * average + (1 - decay) * trained."""
    now = trained.state_dict()
    for name, kept in average.state_dict().items():
        if kept.is_floating_point():
            kept.lerp_(now[name].to(kept.dtype), 1 - decay)
        else:
            kept.copy_(now[name])


def copy(module: nn.Module) -> Tensors:
    """Returns a copy of a module's tensors on the CPU."""
    return {name: value.detach().to("cpu", copy=True) for name, value in module.state_dict().items()}


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
                # In the parameter's own layout: the fused optimiser walks through memory.
                part: value.clone() if part == "step" else torch.empty_like(parameter).copy_(value)
                for part, value in held.items()
            }
