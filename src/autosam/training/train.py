"""A whole training: its choices, its folder, and what may end it."""

from __future__ import annotations

import math
import time
from pathlib import Path
from typing import Any

from autosam.core.caller import unchanged
from autosam.core.errors import Interrupted
from autosam.core.files import missing_folders
from autosam.core.memory import keep_freed_memory
from autosam.core.progress import Progress, Silent
from autosam.training.config import make_config, merged_choices
from autosam.training.course import Course
from autosam.training.run import RunFolder
from autosam.training.run_config import Plan, read_run_config, same_choices
from autosam.training.signals import stoppable


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
    file = None if config is None else Path(config)
    made = make_config(given, file)

    def left() -> float:
        return math.inf if made.bound is None else made.bound * 60 - (time.monotonic() - started)

    made_folders = missing_folders(run.path)
    lock = run.lock(resume=resume)
    keep_freed_memory()
    try:
        plan: Plan | None = None
        if resume and run.config.exists():
            stored, plan = read_run_config(run.config)
            made = same_choices(merged_choices(given, file), stored, run.config)
        with unchanged(), stoppable() as stop:
            Course(run, made, plan, progress, left, stop).go()
        return run.path
    except Interrupted:
        raise
    except Exception:
        # What failed before it began leaves nothing in the way of the next try.
        if not resume:
            run.discard_unbegun(made_folders)
        raise
    finally:
        lock.close()
