"""A benchmark from its folder to its tables: a run, a training or a folder of masks, scored under named views."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from autosam.benchmarks.benchmark import Benchmark, Copy
from autosam.benchmarks.contents import Contents, read_contents, refuse_duplicates, refuse_seen
from autosam.benchmarks.inventory import inventory, marks
from autosam.benchmarks.method import Method, of_folder, of_run
from autosam.benchmarks.names import BENCHMARKS
from autosam.benchmarks.result import Result
from autosam.benchmarks.scoring import score
from autosam.benchmarks.trained import train_on
from autosam.benchmarks.view import View
from autosam.core.checks import look_up
from autosam.core.errors import UsageError
from autosam.core.progress import Progress, Silent
from autosam.inference.claim import claim
from autosam.inference.temporal import check_share


def benchmark(
    name: str,
    data: str | Path,
    out: str | Path,
    *,
    run: str | Path | None = None,
    predictions: str | Path | None = None,
    training: Mapping[str, Any] | None = None,
    seeds: int = 1,
    views: Sequence[str] = ("standard",),
    allow_duplicates: bool = False,
    temporal: float = 0.0,
    progress: Progress | None = None,
    **loading: Any,
) -> Result:
    """Scores one method on the test parts of a benchmark, and writes summary.json, cases.csv, table.md and pictures.

    Args:
        name: of the benchmark.
        data: a folder that holds it in its official layout; nothing in it is written.
        out: a new or empty folder.
        run: a trained run to score.
        predictions: a folder of masks to score.
        training: choices of `autosam.train`, to train on the training part first; the runs stay in `out`.
        seeds: how many trainings, each of a seed of its own.
        views: names of views; "all" for all of them.
        allow_duplicates: score although test images are among the training images, and mark every table.
        temporal: share of a clip's frames before in the dense prompt of a model, 0 to below 1; 0 takes each frame for
            itself.
        progress: told of the stages.
        loading: further arguments of `autosam.load`.

    Raises:
        UsageError: where not one of `run`, `predictions` and `training` is given, for an unknown name or view, or where
            `out` holds something.
        DataError: for a layout, image or truth that is not the benchmark's, and for test images seen in training.
        ModelError: where the model or its SAM cannot be loaded.
    """
    progress = progress or Silent()
    if sum(source is not None for source in (run, predictions, training)) != 1:
        raise UsageError("give one of a run, a folder of predictions, or a training")
    if seeds < 1 or (seeds > 1 and training is None):
        raise UsageError("several seeds need a training", cure="Give --train with --seeds, one seed or more")
    chosen = look_up(name, BENCHMARKS, "benchmark")
    asked = _views(chosen, views)
    if check_share(temporal) and predictions is not None:
        raise UsageError("masks of a folder have no prompt to average", cure="Leave --temporal out")
    folder = Path(out)
    claim(folder)
    copy = chosen.find(Path(data))
    if temporal and all(item.clip is None for item in copy.test):
        raise UsageError(f"{chosen.title} has no clips to average over", cure="Leave --temporal out")
    parts = inventory(chosen, copy)
    contents = read_contents(chosen, copy, progress)
    said = marks(chosen, copy, parts) + [f"NOTE: {note}" for note in contents.notes]
    said += refuse_duplicates(copy, contents, allowed=allow_duplicates)
    if predictions is not None:
        methods = [of_folder(Path(predictions), chosen.kind)]
    else:
        if training is not None:
            runs = train_on(chosen, copy, folder, seeds=seeds, choices=training, progress=progress)
        else:
            runs = [Path(run or "")]
        loading["temporal"] = temporal
        methods = [_of_run(one, copy, contents, allowed=allow_duplicates, **loading) for one in runs]
    said += [mark for mark in dict.fromkeys(mark for method in methods for mark in method.marks)]
    outcomes = [score(chosen, copy.test, method, asked, progress) for method in methods]
    result = Result(chosen, copy.test, tuple(outcomes), tuple(asked), methods[0].name, tuple(parts), tuple(said))
    progress.start("writing tables")
    result.write(folder)
    return result


def _of_run(run: Path, copy: Copy, contents: Contents, *, allowed: bool, **loading: Any) -> Method:
    seen = refuse_seen(run, copy, contents, allowed=allowed)
    method = of_run(run, **loading)
    return replace(method, marks=(*seen, *method.marks))


def _views(benchmark: Benchmark, names: Sequence[str]) -> list[View]:
    if "all" in names:
        return list(benchmark.views.values())
    known = {**benchmark.views}
    return list({name: look_up(name, known, "view") for name in names}.values())
