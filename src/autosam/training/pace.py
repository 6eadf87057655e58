"""The pace of a training's work, measured here on its first images."""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import count, islice
from statistics import fmean

import torch

from autosam.core.ahead import ahead
from autosam.core.precision import PRECISIONS
from autosam.inference.cpu import cpu_features
from autosam.models.segmenter import Segmenter
from autosam.training.config import TrainConfig
from autosam.training.examples import Batch, Examples
from autosam.training.losses import LOSSES, Loss
from autosam.training.optimiser import make_optimiser
from autosam.training.passes import Index, Passes
from autosam.training.pictures import PREVIEWED
from autosam.training.step import update

# What steps may be looked at for before the first of them counts.
LOOK_SECONDS = 20.0
# Few: they train nothing, and the end of the training moves with the pace of those that do.
LOOKED_AT_STEPS = 6
# Of each precision that count, to see which one is faster.
TRIED_STEPS = 3
# Batches are made so far ahead: the first steps of live training do not wait for the encoder as the others do.
AHEAD = 2


@dataclass(frozen=True, slots=True)
class Pace:
    """Seconds that each part of the work takes here.

    Attributes:
        step: one optimiser step of a whole batch.
        precision: the precision of the steps that took it.
        validate: one validation case, its embedding cached.
    """

    step: float
    precision: str
    validate: float

    def look(self, *, train: int, val: int) -> float:
        """Returns the seconds of a validation of so many cases.

        It also draws its previews, and leaves a state where there is nothing but these to look at.
        """
        return (val + min(PREVIEWED, val or train)) * self.validate


def measure(
    segmenter: Segmenter,
    examples: Examples,
    score: Callable[[str], object],
    config: TrainConfig,
    views: int,
    device: torch.device,
    at_once: int | None = None,
) -> Pace:
    """Returns the pace of steps and validations on the first images; weights are left as they are.

    Where the precision is left open, it is the one in which a step takes less time; validations have that of the steps.

    Args:
        segmenter: what is trained.
        examples: the training views.
        score: predicts and scores one validation case in a precision.
        config: the choices.
        views: cached views an image; 0 for live.
        device: where the steps run.
        at_once: images that pass through the networks together; None for the whole batch.
    """
    kept = copy.deepcopy(segmenter.trained().state_dict())
    optimiser = make_optimiser(segmenter.trained().parameters(), config)
    loss = LOSSES[config.loss][0]
    precisions = step_precisions(config.precision, device)
    try:
        # Batches are made beside the steps, as in training: on few cores that is a part of a step's price.
        cases = len(examples.data)
        work = ahead(examples.batch, _some(Passes.of(config, cases).largest(), cases, views), alone=True)
        step = partial(_step, segmenter, optimiser, work, loss, device, at_once or config.batch)
        precision = precisions[0]
        if len(precisions) > 1:
            precision = _faster(step, precisions)
        seconds = fmean(_times(partial(step, precision), LOOKED_AT_STEPS, first=1 if views else 1 + AHEAD))
        work.close()
    finally:
        segmenter.trained().load_state_dict(kept)
        segmenter.trained().zero_grad(set_to_none=True)
    # The first look also pays for an embedding that is kept from then on.
    return Pace(seconds, precision, _middle(_times(partial(score, precision), 4)))


def _step(
    segmenter: Segmenter,
    optimiser: torch.optim.Optimizer,
    work: Iterator[Batch],
    loss: Loss,
    device: torch.device,
    at_once: int,
    precision: str,
) -> None:
    update(segmenter, optimiser, next(work), loss, 1e-5, device, precision, at_once=at_once)


def _some(batch: int, cases: int, views: int) -> Iterator[list[Index]]:
    """Yields batches of the cases in turn; with live training each in a view of its own."""
    numbers = count()
    while True:
        yield [(number % cases, 0 if views else 1 + number) for number in islice(numbers, batch)]


def step_precisions(chosen: str, device: torch.device) -> tuple[str, ...]:
    """Returns the precisions that a choice leaves to the steps.

    "auto" is float32 where the CPU has no instructions for bfloat16, and on GPUs, where it was not measured.
    """
    if chosen != "auto":
        return (chosen,)
    features = cpu_features()
    native = device.type == "cpu" and any(features[name] for name in ("AVX-512 bf16", "AMX bf16"))
    return PRECISIONS if native else ("float32",)


def _faster(step: Callable[[str], object], precisions: Sequence[str]) -> str:
    """Returns the precision of the quickest step, tried in turns: what else a machine does is no precision's fault."""
    times: dict[str, list[float]] = {each: [] for each in precisions}
    began = time.perf_counter()
    # The first of each pays for allocations.
    while min(map(len, times.values())) < 2 or (
        len(times[precisions[0]]) <= TRIED_STEPS and time.perf_counter() - began < LOOK_SECONDS
    ):
        for each, taken in times.items():
            taken.append(_seconds(partial(step, each)))
    return min(precisions, key=lambda each: min(times[each][1:]))


def _seconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def _times(work: Callable[[], object], most: int, first: int = 1) -> list[float]:
    """Returns what `work` takes, again and again: at most `most` times, fewer where it is slow, but for the `first`."""
    times: list[float] = []
    while len(times) <= first or (len(times) < most and sum(times) < LOOK_SECONDS):
        times.append(_seconds(work))
    # The first one pays for allocations.
    return times[first:]


def _middle(times: list[float]) -> float:
    return sorted(times)[len(times) // 2]
