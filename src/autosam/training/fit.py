"""The training loop, readable from top to bottom."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import nn

from autosam.core.ahead import ahead
from autosam.core.errors import DataError, NotFiniteError
from autosam.core.progress import Progress
from autosam.models.segmenter import Segmenter
from autosam.training.config import TrainConfig
from autosam.training.examples import Batch, Examples
from autosam.training.losses import LOSSES
from autosam.training.optimiser import dump_optimiser, learning_rate, load_optimiser, make_optimiser
from autosam.training.passes import Passes
from autosam.training.rollback import BACKOFF, MOST, Rollback, is_finite
from autosam.training.run_config import Plan
from autosam.training.state import State, Tensors
from autosam.training.step import update


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
        replan: (step) -> the plan from then on; asked after every step, whose state was saved where it was validated.
    """

    validate: Callable[[int], float | None]
    save: Callable[[State], None]
    recall: Callable[[int], State]
    give_up: Callable[[State], None]
    log: Callable[[dict[str, Any]], None]
    stopped: Callable[[], bool]
    replan: Callable[[int], Plan]


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
        DataError: after three steps whose loss, gradient or weights, or the logits of a validation after them, were not
            finite, each followed by a return to the last good state at half the rate; it names the files of the last.
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

    def schedule(done: int) -> Iterator[tuple[int, Batch]]:
        """Yields the steps after `done` with their batches, to the end of the plan as it is by then."""
        progress.start("training", plan.steps, done)
        while done < plan.steps:
            planned = plan
            with closing(batches(examples, planned, config, done)) as made:
                for batch in made:
                    done += 1
                    yield done, batch
                    if plan is not planned:
                        progress.resize(plan.steps)
                        break

    def went_back(state: State, step: int, batch: Batch, what: str) -> State:
        """Returns the last good state, put into the networks, in place of one that a step has thrown off."""
        state = rollback.back(state)
        put(state)
        hooks.log({"step": step, "skipped": list(batch.ids), "back_to": state.step})
        files = ", ".join(examples.files(batch.ids))
        if state.skipped >= MOST:
            hooks.give_up(state)
            raise DataError(
                f"loss or logits were not finite at {MOST} steps, the last one, {step}, at {files}",
                cure=f"Look at them with `autosam data check`, or lower --lr; the state of step {state.step}, the "
                "last good one, is kept",
            )
        progress.say(
            f"warning: {what} not finite at step {step} ({files}): back to the state of step {state.step}, at half "
            "the learning rate"
        )
        return state

    for step, batch in schedule(state.step):
        rate = learning_rate(step, plan, config.lr, config.schedule) * BACKOFF**state.skipped
        looked_at = step % plan.validate_every == 0 or step == plan.steps
        at_once = plan.micro_batch or config.batch
        # A network may draw in training (dropout, stochastic depth): from the step alone, as all that is drawn here.
        torch.manual_seed(int(np.random.default_rng([config.seed, 3, step]).integers(1 << 63)))
        losses = update(segmenter, optimiser, batch, loss_of, rate, device, plan.step_precision, at_once=at_once)
        if losses is None or (looked_at and not is_finite(trained)):
            state = went_back(state, step, batch, "the loss was")
        else:
            state = rollback.passed(state)
            blend(average, trained, min(config.ema, step / (step + 9)))
            row = {"step": step, "lr": rate, "loss": losses[0]}
            hooks.log(row if losses[1] is None else {**row, "loss_surrogate": losses[1]})
        progress.advance(note="" if losses is None else f"loss {losses[0]:.3f}")
        if looked_at:
            try:
                dice = hooks.validate(step)
            except NotFiniteError:
                state = went_back(state, step, batch, "logits of the validation were")
                dice = hooks.validate(step)
            if is_chosen(state, step, dice, plan):
                state = replace(state, best=copy(average), best_dice=dice, best_step=step)
            if dice is not None:
                hooks.log({"step": step, "val_dice": dice})
            state = now(state, step)
            hooks.save(state)
            rollback.validated(state)
        before, plan = plan, hooks.replan(step)
        if plan is not before and plan.steps == step:
            # The checkpoint says how many steps there were.
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
    first_of_second_half = 2 * step > plan.steps_at(step) >= 2 * state.best_step
    return first_of_second_half or dice > state.best_dice


def batches(examples: Examples, plan: Plan, config: TrainConfig, done: int) -> Generator[Batch]:
    """Yields the batches of steps `done` + 1 and on, made ahead of their use."""
    wanted = Passes.planned(config, plan).batches(plan.views, config.seed, done, plan.steps)
    return ahead(examples.batch, wanted, alone=True)


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
