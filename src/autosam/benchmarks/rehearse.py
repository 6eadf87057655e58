"""A training on a benchmark gone through without weights or pixels, with or without its images."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from autosam.benchmarks.names import BENCHMARKS
from autosam.benchmarks.trained import choose
from autosam.core.checks import look_up
from autosam.core.errors import DataError, UsageError
from autosam.data.dataset import Dataset, split
from autosam.data.folder import Pair
from autosam.data.foreground import Foreground
from autosam.inference.engine import device as find_device
from autosam.training.rehearsal import Rehearsal
from autosam.training.rehearse import rehearse


def rehearse_training(name: str, data: Path | None, choices: Mapping[str, Any]) -> Rehearsal:
    """Returns what `autosam benchmark NAME --train` would be.

    Args:
        name: of the benchmark.
        data: a copy of it, whose files are counted and not opened; None for the official number of images.
        choices: fields of `TrainConfig`, and `config`, a YAML under them.

    Raises:
        UsageError: for choices that cannot be, or where images must be counted and there are none.
        DataError: for a layout that is not the benchmark's, or without a training part.
    """
    benchmark = look_up(name, BENCHMARKS, "benchmark")
    config = choose(benchmark, data or Path(name), choices)
    device = find_device(config.device)
    if data is None:
        count = benchmark.train.count
        if count is None or benchmark.train.unit != "images":
            raise UsageError(
                f"the training part of {name} is counted in {benchmark.train.unit}, not images", cure="Give --data"
            )
        held = round(config.val * count)
        return rehearse(config, count - held, held, device)
    items = benchmark.find(data).train
    if not items:
        raise DataError("it has no training images", file=data, cure=f"The official layout is {benchmark.layout}")
    pairs = [Pair(item.id, item.image, item.truth, item.group) for item in items]
    train, val = split(Dataset(pairs, Foreground.parse(benchmark.foreground)), config.val, config.seed)
    return rehearse(config, len(train), len(val), device)
