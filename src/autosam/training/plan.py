"""The plan: measured on this machine, decided once, written down, kept by every resume."""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import count, islice
from statistics import fmean

import torch

from autosam.core.ahead import ahead
from autosam.core.precision import PRECISIONS
from autosam.core.words import counted
from autosam.inference.cpu import cpu_features
from autosam.inference.engine import REFERENCE, Encoder
from autosam.models.segmenter import Segmenter
from autosam.training.config import TrainConfig
from autosam.training.examples import Batch, Examples
from autosam.training.losses import LOSSES, Loss
from autosam.training.optimiser import make_optimiser
from autosam.training.passes import Index, Passes
from autosam.training.pictures import PREVIEWED
from autosam.training.run_config import Plan
from autosam.training.step import update
from autosam.training.tiling import Tiling
from autosam.training.views import views_in_words

# What is left for the last writing.
CLOSING_SECONDS = 8.0
# What the pace of the steps may worsen by: it was measured on more of them than that of the embeddings.
STEP_MARGIN = 0.95
# What steps may be looked at for before the first of them counts.
LOOK_SECONDS = 20.0
LOOKED_AT_STEPS = 11
# Of each precision, to see which one is faster.
TRIED_STEPS = 3
# Batches are made so far ahead: the first steps of live training do not wait for the encoder as the others do.
AHEAD = 2
VALIDATION_SHARE = 0.08
# Fewer looks than this choose the checkpoint badly, so that up to a third of the time may go into them.
FEWEST_LOOKS, MOST_LOOKS = 3, 16
MIN_STEPS = 10


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
            precision = min(precisions, key=lambda each: min(_times(partial(step, each), TRIED_STEPS)))
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


def decide(
    config: TrainConfig,
    views: int,
    pace: Pace | None,
    left: float,
    *,
    train: int,
    val: int,
    held: int,
    encoder: Encoder | None,
    data: str,
    tiling: Tiling,
) -> Plan:
    """Returns the plan that fits the time that is left, or the number of epochs that was asked for.

    Args:
        config: the choices.
        views: cached views an image; 0 for live.
        pace: what was measured; None where there is no bound of time.
        left: seconds until the bound.
        train: number of training cases.
        val: number of validation cases.
        held: number of those held out, of which time may leave fewer to validate on.
        encoder: what encodes; None for a segmenter that needs no embedding.
        data: digest of the data.
        tiling: what is trained on, the images or their tiles.
    """
    passes = Passes.of(config, len(tiling.cases))
    step_precision = "float32" if config.precision == "auto" else config.precision
    seen = views_in_words(views)
    if views == 1:
        seen += ", not augmented"
    elif views == 0 and config.views:
        seen += f" (there is no time for one of each of the {counted(len(tiling.cases), tiling.noun)})"
    if pace is None:
        epochs, steps = config.epochs or 1, passes.steps or 1
        # A validation leaves a state too. A few steps are made again sooner than they are validated.
        looks = max(min(epochs, 20), min(FEWEST_LOOKS, steps // MIN_STEPS))
        of = counted(len(tiling.cases), tiling.noun)
        why = f"{counted(epochs, 'epoch')} of {of} in {seen}: {passes.in_words(steps)}"
    else:
        usable = left * STEP_MARGIN - CLOSING_SECONDS
        step_precision = pace.precision
        # A validation also draws its previews, and leaves a state where there is nothing but these to look at.
        look = (val + min(PREVIEWED, val or train)) * pace.validate
        looks = _looks(usable, look)
        fitting = int((usable - looks * look) / pace.step)
        steps = max(MIN_STEPS, fitting)
        why = (
            f"{left:.0f} s left of {config.bound:g} minutes, {pace.step:.2f} s a step in {pace.precision}, "
            f"{pace.validate:.2f} s a validation case: {seen}, {passes.in_words(steps)} "
            f"({counted(round(passes.images(steps) / passes.cases), 'epoch')}), {counted(looks, 'validation')}"
        )
        if val < held:
            why += f" of {val} of the {held} images held out"
        if fitting < MIN_STEPS:
            why += f"; no training has fewer than {MIN_STEPS} steps, for which the time is too short"
    return Plan(
        views=views,
        steps=steps,
        epoch_steps=passes.epoch_steps,
        validate_every=max(1, -(-steps // looks)),
        warmup=max(1, min(200, steps // 20)),
        encoder=None if encoder is None else encoder.identity,
        engine=REFERENCE.name if encoder is None else encoder.engine.name,
        precision=REFERENCE.precision if encoder is None else encoder.engine.precision,
        step_precision=step_precision,
        threads=torch.get_num_threads(),
        encoder_threads=None if encoder is None else encoder.threads,
        train=train,
        val=val,
        data=data,
        why=f"{tiling.why}; {why}",
        tile=tiling.tile,
        tiles=tiling.tiles,
    )


def _looks(usable: float, look: float) -> int:
    """Returns how often there is time to validate, where once takes `look` seconds."""
    fitting = usable / max(1e-6, look)
    return max(1, min(MOST_LOOKS, max(int(VALIDATION_SHARE * fitting), min(FEWEST_LOOKS, int(fitting / 3)))))
