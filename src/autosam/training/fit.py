"""The training loop, readable from top to bottom."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
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
from autosam.training.config import Plan, Schedule, TrainConfig
from autosam.training.examples import Batch, Examples, Index, order
from autosam.training.losses import LOSSES, Loss
from autosam.training.rollback import BACKOFF, MOST, Rollback, is_finite
from autosam.training.state import State, Tensors

CLIP = 1.0


@dataclass(frozen=True, slots=True)
class Hooks:
    """What the loop calls.

    Attributes:
        validate: (step) -> mean Dice of the averaged weights (those in `shadow`) on the validation cases; None where
            there are none: then the last weights are kept.
        save: keeps a state.
        recall: reads a state that was kept, by its step.
        give_up: keeps a state in place of all that came after it.
        log: one row of numbers.
        stopped: whether somebody asked to stop.
    """

    validate: Callable[[int], float | None]
    save: Callable[[State], None]
    recall: Callable[[int], State]
    give_up: Callable[[State], None]
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
        DataError: after three steps whose loss, gradient or weights were not finite, each followed by a return to the
            last good state at half the rate; it names the files of the last.
    """
    trained, average = segmenter.trained(), shadow.trained()
    parameters = dict(trained.named_parameters())
    optimiser = make_optimiser(parameters.values(), config)
    begun = copy(trained)
    first = State(0, begun, begun, begun, None, 0, {})
    state = first if state is None else state
    rollback = Rollback(first, state, plan, hooks.recall)
    del begun, first
    loss_of = LOSSES[config.loss][0]

    def put(back: State) -> None:
        trained.load_state_dict(back.weights)
        average.load_state_dict(back.average)
        optimiser.state.clear()
        load_optimiser(optimiser, parameters, back.optimiser)

    def now(at: State, step: int) -> State:
        return replace(
            at, step=step, weights=copy(trained), average=copy(average), optimiser=dump_optimiser(optimiser, parameters)
        )

    put(state)
    progress.start("training", plan.steps)
    progress.advance(state.step)
    schedule = batches(examples, plan, config, state.step)
    for step, batch in zip(range(state.step + 1, plan.steps + 1), schedule, strict=False):
        rate = learning_rate(step, plan, config.lr, config.schedule) * BACKOFF**state.skipped
        looked_at = step % plan.validate_every == 0 or step == plan.steps
        at_once = plan.micro_batch or config.batch
        losses = update(segmenter, optimiser, batch, loss_of, rate, device, plan.step_precision, at_once=at_once)
        if losses is None or (looked_at and not is_finite(trained)):
            state = rollback.back(state)
            put(state)
            hooks.log({"step": step, "skipped": list(batch.ids), "back_to": state.step})
            files = ", ".join(examples.files(batch.ids))
            if state.skipped >= MOST:
                hooks.give_up(state)
                raise DataError(
                    f"the loss was not finite at {MOST} steps, the last one, {step}, at {files}",
                    cure=f"Look at them with `autosam data check`, or lower --lr; the state of step {state.step}, the "
                    "last good one, is kept",
                )
            progress.say(
                f"warning: the loss was not finite at step {step} ({files}): back to the state of step {state.step}, "
                "at half the learning rate"
            )
        else:
            state = rollback.passed(state)
            blend(average, trained, min(config.ema, step / (step + 9)))
            row = {"step": step, "lr": rate, "loss": losses[0]}
            hooks.log(row if losses[1] is None else {**row, "loss_surrogate": losses[1]})
        progress.advance(note="" if losses is None else f"loss {losses[0]:.3f}")
        if looked_at:
            dice = hooks.validate(step)
            if is_chosen(state, step, dice, plan):
                state = replace(state, best=copy(average), best_dice=dice, best_step=step)
            if dice is not None:
                hooks.log({"step": step, "val_dice": dice})
            state = now(state, step)
            hooks.save(state)
            rollback.validated(state)
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
            for start in range(0, len(whole), config.step_images):
                yield whole[start : start + config.step_images]

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
    *,
    at_once: int | None = None,
) -> tuple[float, float | None] | None:
    """Takes one optimiser step, its products in `precision`; losses, weights and their sums are in float32.

    At most `at_once` images pass through the networks together; the gradient is that of the mean over the whole batch
    all the same (batch norms see the part alone).

    Returns:
        The losses of the mask and of the surrogate's (None for a segmenter without one); None where the loss or
        its gradient is not finite: no optimiser step was taken then.
    """
    segmenter.train(True)
    optimiser.zero_grad(set_to_none=True)
    first, second = 0.0, None
    for part in batch.parts(at_once or len(batch.ids)):
        loss, beside = _losses(segmenter, part, loss_of, device, precision)
        share = len(part.ids) / len(batch.ids)
        torch.autograd.backward((loss if beside is None else loss + beside) * share)
        first += loss.item() * share
        if beside is not None:
            second = (second or 0.0) + beside.item() * share
    parameters = [p for group in optimiser.param_groups for p in group["params"]]
    norm = nn.utils.clip_grad_norm_(parameters, CLIP)
    if not all(math.isfinite(value) for value in (first, second, norm.item()) if value is not None):
        return None
    for group in optimiser.param_groups:
        group["lr"] = rate
    optimiser.step()
    return first, second


def _losses(
    segmenter: Segmenter, batch: Batch, loss_of: Loss, device: torch.device, precision: str
) -> tuple[torch.Tensor, torch.Tensor | None]:
    """Returns the losses of the mask and of the surrogate's, None where there is none."""
    target, valid = batch.target.to(device), batch.valid.to(device)
    embedding = None if batch.embedding is None else batch.embedding.to(device)
    with computing(precision, device):
        masks = segmenter(batch.image.to(device), embedding)
    loss = loss_of(to_size(masks.logits.float(), target), target, valid)
    if masks.surrogate is None:
        return loss, None
    return loss, loss_of(to_size(masks.surrogate.float(), target), target, valid)


def make_optimiser(parameters: Iterable[nn.Parameter], config: TrainConfig) -> torch.optim.Optimizer:
    """Returns the optimiser of the choices over the trained parameters."""
    kind = torch.optim.Adam if config.optimiser == "adam" else torch.optim.AdamW
    return kind(parameters, lr=config.lr, weight_decay=config.weight_decay, fused=True)


def to_size(logits: torch.Tensor, like: torch.Tensor) -> torch.Tensor:
    """Returns logits (B, 1, h, w) at the height and width of `like`, interpolated bilinearly."""
    if logits.shape[-2:] == like.shape[-2:]:
        return logits
    return interpolate(logits, like.shape[-2:], mode="bilinear", align_corners=False)


def learning_rate(step: int, plan: Plan, greatest: float, schedule: Schedule = "cosine") -> float:
    """Returns the rate of a step (from 1): linear warm-up, then half a cosine down to 1 % of the greatest.

    A constant schedule has the greatest at every step.
    """
    if schedule == "constant":
        return greatest
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
