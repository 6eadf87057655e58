"""A benchmark from its folder to its tables: runs, trainings, prompts and masks, scored under named views."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from autosam.benchmarks.benchmark import Benchmark, Copy
from autosam.benchmarks.contents import read_contents, refuse_duplicates
from autosam.benchmarks.inventory import Part, inventory, marks
from autosam.benchmarks.method import Method
from autosam.benchmarks.names import BENCHMARKS
from autosam.benchmarks.result import Result
from autosam.benchmarks.results import Results
from autosam.benchmarks.rows import asked_for, check_models, rows
from autosam.benchmarks.scoring import score
from autosam.benchmarks.view import View
from autosam.core.checks import look_up
from autosam.core.errors import UsageError
from autosam.core.progress import Progress, Silent
from autosam.inference.claim import claim
from autosam.inference.temporal import check_share
from autosam.models.rivals import AUTOSAM, METHODS


def benchmark(
    name: str,
    data: str | Path,
    out: str | Path,
    *,
    run: str | Path | None = None,
    predictions: str | Path | None = None,
    training: Mapping[str, Any] | None = None,
    methods: Sequence[str] = (),
    seeds: int = 1,
    views: Sequence[str] = ("standard",),
    allow_duplicates: bool = False,
    temporal: float = 0.0,
    mirror: bool = False,
    progress: Progress | None = None,
    **loading: Any,
) -> Result | Results:
    """Scores methods on the test parts of a benchmark, and writes summary.json, cases.csv, table.md and pictures.

    One method is written into `out` itself. Several are written into a folder each, as soon as each is scored, and
    `out` gets the summary.json and the table.md of all of them.

    Args:
        name: of the benchmark.
        data: a folder that holds it in its official layout; nothing in it is written.
        out: a new or empty folder.
        run: a trained run to score.
        predictions: a folder of masks to score, of any tool.
        training: choices of `autosam.train`, for every method that is trained; the runs stay in `out`.
        methods: names of `autosam.models.rivals.METHODS`, trained on the training part first, of
            `autosam.benchmarks.baselines.BASELINES`, or of `autosam.benchmarks.rows.GROUPS`. With `training` and
            without names it is AutoSAM that is trained.
        seeds: how many trainings, each of a seed of its own.
        views: names of views; "all" for all of them.
        allow_duplicates: score although test images are among the training images, and mark every table.
        temporal: share of a clip's frames before in the dense prompt of a model, 0 to below 1; 0 takes each frame for
            itself.
        mirror: whether a model's logits are averaged with those of the image's mirror images.
        progress: told of the stages.
        loading: further arguments of `autosam.load`.

    Returns:
        The scores of the one method, or of the several.

    Raises:
        UsageError: where there is nothing to score, for an unknown name or view, or where `out` holds something.
        DataError: for a layout, image or truth that is not the benchmark's, and for test images seen in training.
        ModelError: where a model or its SAM cannot be loaded.
    """
    progress = progress or Silent()
    asked = asked_for(run, predictions, methods, training, seeds)
    chosen = look_up(name, BENCHMARKS, "benchmark")
    seen = _views(chosen, views)
    if check_share(temporal) and (asked.predictions is not None or set(asked.methods) - {AUTOSAM}):
        raise UsageError(
            "rivals and predictions have no prompt to average over frames", cure="Leave --temporal or them out"
        )
    if mirror and asked.run is None and not set(asked.methods) & set(METHODS):
        raise UsageError("nothing here predicts with a trained model to mirror images for", cure="Leave --mirror out")
    folder = Path(out)
    with claim(folder):
        copy = chosen.find(Path(data))
        if temporal and all(item.clip is None for item in copy.test):
            raise UsageError(f"{chosen.title} has no clips to average over", cure="Leave --temporal out")
        check_models(asked, chosen, loading.get("sam"))
        parts = inventory(chosen, copy)
        contents = read_contents(chosen, copy, progress)
        said = marks(chosen, copy, parts) + [f"NOTE: {note}" for note in contents.notes]
        said += refuse_duplicates(copy, contents, allowed=allow_duplicates)
        found = rows(
            asked, chosen, copy, contents, folder,
            allow_duplicates=allow_duplicates, temporal=temporal, mirror=mirror, progress=progress, **loading,
        )  # fmt: skip
        results: dict[str, Result] = {}
        for row in found:
            place = folder if len(found) == 1 else folder / row.name
            results[row.name] = _result(row.make(place), chosen, copy, seen, parts, said, progress)
            results[row.name].write(place)
        if len(found) == 1:
            return next(iter(results.values()))
        several = Results(results)
        several.write(folder)
        return several


def _result(
    made: Sequence[Method],
    benchmark: Benchmark,
    copy: Copy,
    views: Sequence[View],
    parts: Sequence[Part],
    said: Sequence[str],
    progress: Progress,
) -> Result:
    """Returns the scores of a row's methods, one a seed, with all marks that they and the copy have."""
    cautions = [method.cautions[view.name] for method in made for view in views if view.name in method.cautions]
    marked = dict.fromkeys([*said, *(mark for method in made for mark in method.marks), *cautions])
    outcomes = tuple(score(benchmark, copy.test, method, views, progress) for method in made)
    budgets = tuple(method.budget for method in made)
    progress.start("writing tables")
    return Result(benchmark, copy.test, outcomes, tuple(views), made[0], tuple(parts), tuple(marked), budgets)


def _views(benchmark: Benchmark, names: Sequence[str]) -> list[View]:
    if "all" in names:
        return list(benchmark.views.values())
    known = {**benchmark.views}
    return list({name: look_up(name, known, "view") for name in names}.values())
