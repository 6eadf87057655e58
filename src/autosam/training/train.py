"""A whole training: data, plan, embeddings, steps, and the files of a run."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from autosam.core.checks import look_up
from autosam.core.errors import DataError, Interrupted, ModelError, UsageError
from autosam.core.files import cache_folder, write_json
from autosam.core.memory import keep_freed_memory
from autosam.core.progress import Progress, Silent
from autosam.core.sample import Sample
from autosam.data.augment import AUGMENTATIONS
from autosam.data.embeddings import EmbeddingCache
from autosam.evaluation.evaluate import evaluate
from autosam.inference.embed import Embedder
from autosam.inference.engine import device as find_device
from autosam.inference.engine import make_encoder
from autosam.inference.masker import TorchMasker
from autosam.inference.predict import Predictor
from autosam.inference.prediction import Prediction
from autosam.models.checkpoint import save
from autosam.models.frozen_sam import load_sam
from autosam.training.build import finished_card, make_card, make_segmenter
from autosam.training.cases import read_cases
from autosam.training.config import (
    Plan,
    TrainConfig,
    make_config,
    read_run_config,
    same_choices,
    write_run_config,
)
from autosam.training.examples import Examples
from autosam.training.fit import Hooks, fit
from autosam.training.losses import LOSSES
from autosam.training.pictures import Preview, draw_curves
from autosam.training.plan import choose_views, decide, embedding_pace, fitting_frames, measure
from autosam.training.run import RunFolder
from autosam.training.signals import Stop, stoppable
from autosam.training.state import State, load_state, save_state
from autosam.training.summary import write_card
from autosam.training.tiling import choose_tiling, kept_tiling

CACHE_BYTES = 64 << 30
REDRAW_SECONDS = 30.0


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
    """Trains g and h on a folder of images and masks, and writes a run.

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

    sam = load_sam(config.sam)
    segmenter, shadow = (make_segmenter(config, sam, mapping) for _ in range(2))
    cases = read_cases(config, progress, stop)
    if plan is not None and plan.data != cases.digest:
        raise DataError(
            "the images or masks have changed since the run was started", file=config.data, cure="Start another --out"
        )
    write_json(run.data, cases.hashes)

    encoder = (
        make_encoder(sam, config.engine, device, config.precision)
        if plan is None
        else make_encoder(sam, plan.engine, device, plan.precision)
    )
    if plan is not None and plan.encoder != encoder.identity:
        raise ModelError(
            f"was started with the encoder [{plan.encoder}], here is [{encoder.identity}]",
            file=run.path,
            cure="An exact resume needs the same; install that again or start another --out",
        )
    cache = EmbeddingCache(cache_folder() / "embeddings", CACHE_BYTES)
    for one in (segmenter, shadow):
        one.to(device)
    masker = TorchMasker(shadow, Embedder(encoder, cache), device)
    live = (config.views if plan is None else plan.views) == 0
    examples = Examples(
        cases.train,
        augmentation,
        frame_size=masker.frame_size,
        size=segmenter.size,
        embed=Embedder(encoder, None if live else cache),
        seed=config.seed,
    )

    def left() -> float:
        return math.inf if config.bound is None else config.bound * 60 - (time.monotonic() - started)

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
        frames = None if live else fitting_frames(pace, left())
        side = segmenter.size if segmenter.sam is None else segmenter.sam.rule.size
        tiling = choose_tiling(config, cases, side, frames)
        room, cached = cache.room(sam.embedding_shape), {"train": len(tiling.cases), "val": tiling.frames}
        views = choose_views(config, pace, left(), room=room, **cached)
    examples, predictor = examples.on(tiling.cases), Predictor(masker, tile=tiling.tile)
    if views:
        wanted = [(case, view) for view in range(views) for case in range(len(tiling.cases))]
        progress.start(f"embeddings of {len(tiling.cases)} {tiling.noun} in {views} views", len(wanted))
        examples.fill(wanted, progress, check)
    if plan is None:
        steps_pace = None
        if config.bound is not None:
            first = [cases.val.read(0)] if len(cases.val) else []
            steps_pace = measure(
                segmenter, examples, lambda: first and _validate(first, predictor.predict), config, views, device
            )
        plan = decide(config, views, steps_pace, left(), encoder=encoder, data=cases.digest, tiling=tiling, **counts)
        write_run_config(run.config, config, plan)
    progress.say(f"plan: {plan.why}")

    card = make_card(config, plan, sam, segmenter, cases)
    preview = Preview(run.previews, cases.val if len(cases.val) else cases.train)

    def validate(step: int) -> float | None:
        predict = preview.watching(predictor.predict)
        dice = _validate(cases.val, predict) if len(cases.val) else None
        preview.add(step, predict)
        return dice

    drawn = [time.monotonic()]

    def keep(now: State) -> None:
        if now.best_step:
            save(run.model, now.best, finished_card(card, now))
        save_state(run.last, now)
        if now.step == plan.steps or stop() or time.monotonic() - drawn[-1] > REDRAW_SECONDS:
            draw_curves(run.rows(), now.best_step, run.path / "curves.png")
            preview.draw(run.path / "preview.png")
            drawn.append(time.monotonic())

    run.forget_after(0 if state is None else state.step)
    hooks = Hooks(validate, keep, run.append, stop)
    final = fit(
        segmenter,
        shadow,
        examples,
        config=config,
        plan=plan,
        state=state,
        hooks=hooks,
        device=device,
        progress=progress,
    )
    if final.step < plan.steps:
        raise Interrupted(
            f"stopped at step {final.step} of {plan.steps}; everything is kept",
            file=run.path,
            cure="Go on with --resume",
        )
    write_card(run.path / "card.md", finished_card(card, final), config, plan)
    return run.path


def _validate(samples: Any, predict: Callable[[Sample], Prediction]) -> float:
    report = evaluate(samples, predict, metrics=("dice",), keep_pictures=False)
    return float(report.summary()["dice"]["mean"])
