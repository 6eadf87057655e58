"""The plan: measured on this machine, decided once, written down, kept by every resume."""

from __future__ import annotations

import torch

from autosam.core.words import counted
from autosam.inference.engine import REFERENCE, Encoder
from autosam.training.config import TrainConfig
from autosam.training.pace import Pace
from autosam.training.passes import Passes
from autosam.training.run_config import Plan
from autosam.training.tiling import Tiling
from autosam.training.views import views_in_words

# What is left for the last writing.
CLOSING_SECONDS = 8.0
# What the pace of the steps may worsen by: it was measured on more of them than that of the embeddings.
STEP_MARGIN = 0.95
VALIDATION_SHARE = 0.08
# Fewer looks than this choose the checkpoint badly, so that up to a third of the time may go into them.
FEWEST_LOOKS, MOST_LOOKS = 3, 16
MIN_STEPS = 10


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
        step_precision = pace.precision
        fitting, looks = fitting_steps(pace, left, train=train, val=val)
        steps = max(MIN_STEPS, fitting)
        why = (
            f"{max(0, left):.0f} s left of {config.bound:g} minutes, {pace.step:.2f} s a step in {pace.precision}, "
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


def fitting_steps(pace: Pace, left: float, *, train: int, val: int) -> tuple[int, int]:
    """Returns how many steps and validations there is time for; of steps it may be none, or less.

    Args:
        pace: of both.
        left: seconds until the bound.
        train: number of training cases.
        val: number of validation cases.
    """
    usable = left * STEP_MARGIN - CLOSING_SECONDS
    look = pace.look(train=train, val=val)
    looks = _looks(usable, look)
    return int((usable - looks * look) / pace.step), looks


def _looks(usable: float, look: float) -> int:
    """Returns how often there is time to validate, where once takes `look` seconds."""
    fitting = usable / max(1e-6, look)
    return max(1, min(MOST_LOOKS, max(int(VALIDATION_SHARE * fitting), min(FEWEST_LOOKS, int(fitting / 3)))))
