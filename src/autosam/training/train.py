"""A whole training: data, plan, embeddings, steps, and the files of a run."""

from __future__ import annotations

import math
import time
from pathlib import Path
from typing import Any

import torch

from autosam.core.checks import look_up
from autosam.core.errors import DataError, Interrupted, ModelError, UsageError
from autosam.core.files import cache_folder, write_json
from autosam.core.memory import keep_freed_memory
from autosam.core.progress import Progress, Silent
from autosam.data.augment import AUGMENTATIONS
from autosam.data.embeddings import CACHE_BYTES, EmbeddingCache
from autosam.inference.embed import Embedder
from autosam.inference.engine import Encoder, make_encoder
from autosam.inference.engine import device as find_device
from autosam.inference.masker import TorchMasker
from autosam.inference.predict import Predictor
from autosam.models.frozen_sam import load_sam
from autosam.training.build import finished_card, make_card, make_segmenter
from autosam.training.cases import read_cases
from autosam.training.config import TrainConfig, make_config
from autosam.training.examples import Examples, fill_plain
from autosam.training.fit import fit
from autosam.training.keeper import Keeper, mean_dice
from autosam.training.losses import LOSSES
from autosam.training.memory import within_memory
from autosam.training.plan import Pace, decide, measure
from autosam.training.replan import Replanner
from autosam.training.run import RunFolder
from autosam.training.run_config import Plan, read_run_config, same_choices, write_run_config
from autosam.training.signals import Stop, stoppable
from autosam.training.state import State, load_state
from autosam.training.summary import write_card
from autosam.training.tiling import choose_tiling, kept_tiling
from autosam.training.views import choose_views, embedding_pace, fitting_frames, views_on_disk

# Of the time for everything: an engine that is a little faster is not worth the time that the views need.
SELF_TEST_SHARE = 0.1


def train(
    data: str | Path,
    out: str | Path,
    *,
    resume: bool = False,
    config: str | Path | None = None,
    progress: Progress | None = None,
    started: float | None = None,
    **choices: Any,
) -> Path:
    """Trains g and h (or a rival in their place) on a folder of images and masks, and writes a run.

    Args:
        data: folder or CSV.
        out: the run's folder.
        resume: go on with the run in `out`, exactly as if it had never stopped.
        config: a YAML of choices, under those given here.
        progress: told of the stages.
        started: `time.monotonic()` at the start of the command that `minutes` bounds; now where None.
        choices: fields of `TrainConfig`.

    Returns:
        The run's folder.

    Raises:
        UsageError: for choices that cannot be, or a folder that is taken.
        DataError: for images or masks that cannot be used.
        ModelError: for weights that are missing or do not fit.
        Interrupted: where Ctrl-C or SIGTERM stopped it; the state is kept.
    """
    started = time.monotonic() if started is None else started
    progress = progress or Silent()
    run = RunFolder(Path(out))
    given = {"data": Path(data), **{name: value for name, value in choices.items() if value is not None}}
    made = make_config(given, None if config is None else Path(config))
    lock = run.lock(resume=resume)
    keep_freed_memory()
    try:
        plan: Plan | None = None
        if resume and run.config.exists():
            stored, plan = read_run_config(run.config)
            same_choices(given, stored, run.config)
            made = stored
        with stoppable() as stop:
            return _train(run, made, plan, progress, started, stop)
    except (UsageError, DataError, ModelError):
        # What failed before it began leaves nothing in the way of the next try.
        if not resume:
            run.discard_unbegun()
        raise
    finally:
        lock.close()


def _train(
    run: RunFolder, config: TrainConfig, plan: Plan | None, progress: Progress, started: float, stop: Stop
) -> Path:
    augmentation = look_up(config.augment, AUGMENTATIONS, "augmentation")
    _, mapping = look_up(config.loss, LOSSES, "loss")
    device = find_device(config.device)
    if plan is not None:
        torch.set_num_threads(plan.threads)
    state = load_state(run.last) if plan is not None else None
    if state is not None and plan is not None and state.step >= plan.steps and run.model.exists():
        progress.say(f"{run.path}: finished already")
        return run.path
    if plan is None:
        write_run_config(run.config, config, None)

    sam = load_sam(config.sam) if config.has_sam else None
    segmenter, shadow = (make_segmenter(config, sam, mapping) for _ in range(2))
    cases = read_cases(config, progress, stop)
    if plan is not None and plan.data != cases.digest:
        raise DataError(
            "the images or masks have changed since the run was started", file=config.data, cure="Start another --out"
        )
    write_json(run.data, cases.hashes)

    def left() -> float:
        return math.inf if config.bound is None else config.bound * 60 - (time.monotonic() - started)

    # Not `sam`: a method may run a SAM itself and need no embedding of it.
    encoded = segmenter.sam
    encoder: Encoder | None = None
    if encoded is not None:
        encoder = (
            make_encoder(encoded, config.engine, device, config.precision, most=SELF_TEST_SHARE * left())
            if plan is None
            else make_encoder(encoded, plan.engine, device, plan.precision, plan.encoder_threads or plan.threads)
        )
    identity = None if encoder is None else encoder.identity
    if plan is not None and plan.encoder != identity:
        raise ModelError(
            f"was started with the encoder [{plan.encoder}], here is [{identity}]",
            file=run.path,
            cure="An exact resume needs the same; install that again or start another --out",
        )
    cache = EmbeddingCache(cache_folder() / "embeddings", CACHE_BYTES)
    for one in (segmenter, shadow):
        one.to(device)
    masker = TorchMasker(shadow, None if encoder is None else Embedder(encoder, cache), device)
    live = (config.views if plan is None else plan.views) == 0
    examples = Examples(
        cases.train,
        augmentation,
        frame_size=masker.frame_size,
        size=segmenter.size,
        embed=None if encoder is None else Embedder(encoder, None if live else cache),
        seed=config.seed,
        rule=segmenter.rule,
        live=live,
    )

    def check() -> None:
        if stop():
            raise Interrupted(
                "stopped while caching embeddings; those made are kept", file=run.path, cure="Go on with --resume"
            )

    if plan is not None:
        views, tiling = plan.views, kept_tiling(config, cases, plan)
    else:
        progress.start("measuring")
        counts = {"train": len(cases.train), "val": len(cases.val)}
        pace = None if config.bound is None else embedding_pace(examples)
        seen = segmenter.size if encoded is None else encoded.rule.size
        tiling = choose_tiling(config, cases, seen, None if live else fitting_frames(pace, left()))
        cached = {"train": len(tiling.cases), "val": tiling.frames}
        most = config.views
        if encoded is not None:
            most = views_on_disk(config, room=cache.room(encoded.embedding_shape), **cached)
        if most < config.views:
            progress.say(
                f"warning: the disk of {cache.folder} has room for {most} of {config.views} views an image; "
                "free some of it, or set AUTOSAM_CACHE to a folder on a larger one"
            )
        views = choose_views(most, pace, left(), **cached)
    examples, predictor = examples.on(tiling.cases), Predictor(masker, tile=tiling.tile)
    if views and encoder is not None:
        wanted = [(case, view) for view in range(views) for case in range(len(tiling.cases))]
        progress.start(f"embeddings of {len(tiling.cases)} {tiling.noun} in {views} views", len(wanted))
        examples.fill(wanted, progress, check)
    if len(cases.val) and encoder is not None:
        progress.start(f"embeddings of {len(cases.val)} validation images", len(cases.val))
        fill_plain(cases.val, masker, tiling.tile, examples.workers, progress, check)
    micro_batch = None if plan is None else plan.micro_batch

    def smaller(images: int) -> None:
        nonlocal micro_batch
        micro_batch = images
        progress.say(
            f"warning: out of memory; going on with a smaller batch, {images} of {config.batch} images at a time, "
            "their gradients summed"
        )

    fitted: Replanner | None = None
    if plan is None:
        steps_pace = None
        if config.bound is not None:
            first = [cases.val.read(0)] if len(cases.val) else []

            def score(precision: str) -> object:
                masker.precision = precision
                return first and mean_dice(first, predictor.predict)

            def pace_of(images: int | None) -> Pace:
                return measure(segmenter, examples, score, config, views, device, images)

            steps_pace = within_memory(pace_of, config.batch, None, smaller)
        plan = decide(config, views, steps_pace, left(), encoder=encoder, data=cases.digest, tiling=tiling, **counts)
        plan = plan.model_copy(update={"micro_batch": micro_batch})
        write_run_config(run.config, config, plan)
        fitted = None if config.bound is None else Replanner(left)
    elif config.bound is not None:
        progress.say(
            f"note: the written plan is finished; time lost since it was made may pass the {config.bound:g} minutes"
        )
    progress.say(f"plan: {plan.why}")

    # Of the same checkpoint another precision makes the same masks but for single pixels, in up to twice the time.
    masker.precision = plan.step_precision
    card = make_card(config, plan, sam, segmenter, cases)
    keeper = Keeper(run, cases, card, config, plan, predictor.predict, stop, fitted)

    def steps(images: int | None) -> State:
        before = state
        if images != keeper.plan.micro_batch:
            # As a resumed training does it: from the last state on, with the plan as it is written now.
            keeper.plan = keeper.plan.model_copy(update={"micro_batch": images})
            write_run_config(run.config, config, keeper.plan)
            segmenter.trained().load_state_dict(make_segmenter(config, sam, mapping).trained().state_dict())
            before = load_state(run.last)
        run.forget_after(0 if before is None else before.step)
        return fit(
            segmenter,
            shadow,
            examples,
            config=config,
            plan=keeper.plan,
            state=before,
            hooks=keeper.hooks(),
            device=device,
            progress=progress,
        )

    final = within_memory(steps, config.batch, plan.micro_batch, smaller)
    plan = keeper.plan
    if final.step < plan.steps:
        raise Interrupted(
            f"stopped at step {final.step} of {plan.steps}; everything is kept",
            file=run.path,
            cure="Go on with --resume",
        )
    write_card(run.path / "card.md", finished_card(card, final, plan), config, plan)
    return run.path
