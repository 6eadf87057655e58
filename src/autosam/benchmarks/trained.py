"""Trainings on the training part of a benchmark; the test parts take no part in them."""

from __future__ import annotations

import csv
import time
from collections.abc import Mapping
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np

from autosam.benchmarks.benchmark import Benchmark, Copy
from autosam.core.errors import DataError
from autosam.core.files import write_text
from autosam.core.progress import Progress
from autosam.data.foreground import Foreground
from autosam.data.images import read_image
from autosam.inference.prediction import write_image
from autosam.training.config import TrainConfig, make_config, read_choices
from autosam.training.train import train


@dataclass(frozen=True, slots=True)
class Trained:
    """A training that was done.

    Attributes:
        run: its folder.
        seconds: what it took in all, wall clock.
    """

    run: Path
    seconds: float


def train_on(
    benchmark: Benchmark,
    table: Path,
    out: Path,
    *,
    method: str,
    seeds: int,
    choices: Mapping[str, Any],
    progress: Progress,
) -> list[Trained]:
    """Trains a method once a seed, from that of the choices on.

    Args:
        benchmark: names the choices where none are given.
        table: what `write_training` gave: a part of it is held out to choose the checkpoint.
        out: gets a run `seed-N` for each seed.
        method: a name of `autosam.models.rivals.METHODS`.
        seeds: how many.
        choices: fields of `autosam.training.config.TrainConfig`.
        progress: told of the stages.
    """
    first = choose(benchmark, table, choices).seed
    done = []
    for seed in range(first, first + seeds):
        started = time.monotonic()
        given = {**left_open(benchmark.training, choices), **choices, "method": method, "seed": seed}
        run = train(table, out / f"seed-{seed}", progress=progress, started=started, **given)
        done.append(Trained(run, time.monotonic() - started))
    return done


def write_training(benchmark: Benchmark, copy: Copy, folder: Path, progress: Progress) -> Path:
    """Writes the training masks as PNG of 0 and 255, and the table of image, mask and group, whose path is returned.

    Raises:
        DataError: where the copy has no training part.
    """
    if not copy.train:
        raise DataError(
            "it has no training images",
            file=copy.root,
            cure=f"--run and --predictions need none. The official layout is {benchmark.layout}",
        )
    rule = Foreground.parse(benchmark.foreground)
    stream = StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(("image", "mask", "group"))
    progress.start("writing training masks", len(copy.train))
    for item in copy.train:
        height, width = read_image(item.image).shape[:2]
        labels, _ = benchmark.read_truth(item.truth, (height, width))
        mask = folder / "masks" / f"{item.id}.png"
        write_image(mask, rule.binary(labels, item.truth).astype(np.uint8) * np.uint8(255))
        writer.writerow((item.image.resolve(), mask.relative_to(folder), item.group or ""))
        progress.advance()
    write_text(folder / "train.csv", stream.getvalue())
    return folder / "train.csv"


def choose(benchmark: Benchmark, data: Path, choices: Mapping[str, Any]) -> TrainConfig:
    """Returns the configuration of a training; where nothing is chosen, the benchmark's own choices stand.

    Args:
        benchmark: names the choices where none are given.
        data: the table of the training part, or what stands for it.
        choices: fields of `TrainConfig`, None for those left open, and `config`, a YAML under them.

    Raises:
        UsageError: for choices that cannot be.
        DataError: where the file is no such YAML.
    """
    file = None if choices.get("config") is None else Path(choices["config"])
    given = {name: value for name, value in choices.items() if name != "config" and value is not None}
    return make_config({"data": data, **left_open(benchmark.training, choices), **given}, file)


def left_open(defaults: Mapping[str, Any], choices: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the defaults that a configuration file does not settle; what is chosen beside it goes before both.

    Raises:
        DataError: where the file is no such YAML.
    """
    settled = {} if choices.get("config") is None else read_choices(Path(choices["config"]))
    return {name: value for name, value in defaults.items() if name not in settled}
