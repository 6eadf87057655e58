"""The plan: measured on the first images, decided once, written down, kept by every resume."""

from __future__ import annotations

import copy
import time
from collections.abc import Callable
from dataclasses import dataclass

import torch

from autosam.core.sample import Sample
from autosam.inference.predict import Predictor
from autosam.models.segmenter import Segmenter
from autosam.training.config import Plan, TrainConfig
from autosam.training.examples import Examples, Index
from autosam.training.fit import update
from autosam.training.losses import LOSSES

# What a measured pace may worsen by, and what is left for the last writing.
MARGIN = 0.9
CLOSING_SECONDS = 8.0
# In a fixed time more views beat more steps, up to about half of it spent on embeddings (docs/method.md).
EMBEDDING_SHARE = 0.5
VALIDATION_SHARE = 0.12
MIN_STEPS = 10


@dataclass(frozen=True, slots=True)
class Pace:
    """Seconds that each part of the work takes here.

    Attributes:
        embed: one view: reading, augmenting and encoding.
        step: one optimiser step of a whole batch.
        validate: one validation case, its embedding cached.
    """

    embed: float
    step: float
    validate: float


def measure(
    segmenter: Segmenter,
    examples: Examples,
    predictor: Predictor,
    held_out: list[Sample],
    score: Callable[[Sample, Predictor], object],
    config: TrainConfig,
    device: torch.device,
) -> Pace:
    """Returns the pace of this machine on the first images; weights are left as they are."""
    some: list[Index] = [(case, 0) for case in range(min(3, len(examples.data)))]
    times = []
    for index in some:
        started = time.perf_counter()
        frame = examples.frame(index)
        if examples.embed is not None:
            examples.embed.encode(frame.pixels(examples.embed.encode.rule)[None])
        times.append(time.perf_counter() - started)
    batch = examples.batch([some[i % len(some)] for i in range(config.batch)])
    kept = copy.deepcopy(segmenter.trained().state_dict())
    optimiser = torch.optim.AdamW(segmenter.trained().parameters(), lr=1e-5, fused=True)
    steps = [
        _seconds(lambda: update(segmenter, optimiser, batch, LOSSES[config.loss][0], 1e-5, device)) for _ in range(4)
    ]
    segmenter.trained().load_state_dict(kept)
    segmenter.trained().zero_grad(set_to_none=True)
    looks = [_seconds(lambda sample=sample: score(sample, predictor)) for sample in held_out[:3]]  # type: ignore[misc]
    # The first of each pays for allocations; the middle of the rest is the pace.
    return Pace(_middle(times[1:] or times), _middle(steps[1:]), _middle(looks[1:] or looks) if looks else 0.0)


def _seconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def _middle(times: list[float]) -> float:
    return sorted(times)[len(times) // 2]


def decide(
    config: TrainConfig,
    pace: Pace | None,
    spent: float,
    *,
    train: int,
    val: int,
    needs_sam: bool,
    encoder: str | None,
    engine: str,
    data: str,
) -> Plan:
    """Returns the plan that fits the time, or the number of epochs that was asked for.

    Args:
        config: the choices.
        pace: what was measured; None where `config` has no bound of time.
        spent: seconds since the command began.
        train: number of training cases.
        val: number of validation cases.
        needs_sam: whether embeddings are needed.
        encoder: identity of the encoder.
        engine: its engine's name.
        data: digest of the data.
    """
    epoch_steps = -(-train // config.batch)
    bound = config.bound
    if bound is None or pace is None:
        steps = (config.epochs or 1) * epoch_steps
        views = config.views
        looks = min(config.epochs or 1, 20)
        why = f"{config.epochs} epochs of {train} images in {views or 'live'} views"
    else:
        left = (bound * 60 - spent) * MARGIN - CLOSING_SECONDS
        views, embedding = config.views, 0.0
        if needs_sam and views:
            left -= val * pace.embed
            views = max(1, min(views, int(EMBEDDING_SHARE * left / (train * pace.embed))))
            embedding = views * train * pace.embed
        # Live training encodes within the step; `pace.step` was measured on an embedding that was made before.
        step = pace.step + (config.batch * pace.embed if needs_sam and not views else 0.0)
        looks = min(16, max(3, int(VALIDATION_SHARE * left / max(1e-6, val * pace.validate)))) if val else 1
        steps = max(MIN_STEPS, int((left - embedding - looks * val * pace.validate) / step))
        why = (
            f"{bound:g} minutes: {pace.embed:.2f} s a view, {pace.step:.2f} s a step, "
            f"{pace.validate:.2f} s a validation case; "
            f"{views or 'live'} views, {steps} steps ({steps / epoch_steps:.0f} epochs), {looks} validations"
        )
    return Plan(
        views=views,
        steps=steps,
        epoch_steps=epoch_steps,
        validate_every=max(1, -(-steps // looks)),
        warmup=max(1, min(200, steps // 20)),
        encoder=encoder,
        engine=engine,
        threads=torch.get_num_threads(),
        train=train,
        val=val,
        data=data,
        why=why,
    )
