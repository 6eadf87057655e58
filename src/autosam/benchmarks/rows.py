"""What is scored, row by row: names from the command line made into methods."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, partial
from pathlib import Path
from typing import Any

from autosam.benchmarks.baselines import BASELINES, of_baseline
from autosam.benchmarks.benchmark import Benchmark, Copy
from autosam.benchmarks.contents import Contents, refuse_seen
from autosam.benchmarks.method import Method, of_folder, of_run
from autosam.benchmarks.trained import choose, train_on, write_training
from autosam.core.checks import look_up
from autosam.core.errors import UsageError
from autosam.core.files import cache_folder
from autosam.core.progress import Progress
from autosam.data.embeddings import CACHE_BYTES, EmbeddingCache
from autosam.inference.embed import Embedder
from autosam.inference.engine import device as find_device
from autosam.inference.engine import make_encoder
from autosam.models.checkpoint import load as load_run
from autosam.models.frozen_sam import FrozenSam, load_sam
from autosam.models.rivals import AUTOSAM, METHODS

_SAM = "litemedsam"

GROUPS: dict[str, tuple[str, ...]] = {
    "trained": METHODS,
    "prompted": tuple(BASELINES),
    "all": (*METHODS, *BASELINES),
}


@dataclass(frozen=True, slots=True)
class Row:
    """A row of the table.

    Attributes:
        name: of its folder.
        make: gives its methods, one a seed, once its folder is known.
    """

    name: str
    make: Callable[[Path], list[Method]]


@dataclass(frozen=True, slots=True)
class Asked:
    """What is to be scored.

    Attributes:
        run: a trained run; None for none.
        predictions: a folder of masks; None for none.
        methods: names of `METHODS` and `BASELINES`.
        training: choices of trainings; None where nothing is trained.
        seeds: how many trainings a method.
    """

    run: Path | None
    predictions: Path | None
    methods: tuple[str, ...]
    training: Mapping[str, Any] | None
    seeds: int


def asked_for(
    run: str | Path | None,
    predictions: str | Path | None,
    methods: Sequence[str],
    training: Mapping[str, Any] | None,
    seeds: int,
) -> Asked:
    """Returns what is to be scored, each method once; a training without a name is AutoSAM's.

    Raises:
        UsageError: for an unknown method, for nothing at all, or for a training or seeds that nothing takes.
    """
    known = {name: (name,) for name in GROUPS["all"]} | GROUPS
    names = tuple(dict.fromkeys(one for name in methods for one in look_up(name, known, "method")))
    if not names and training is not None:
        names = (AUTOSAM,)
    if not names and run is None and predictions is None:
        raise UsageError(
            "there is nothing to score", cure="Give one of a run, a folder of predictions, --train or --method NAME"
        )
    trained = any(name in METHODS for name in names)
    if training is not None and not trained:
        raise UsageError("none of the methods is trained", cure="Leave the flags of a training out, or name another")
    if seeds < 1 or (seeds > 1 and not trained):
        raise UsageError("several seeds need a training", cure="Give --train with --seeds, one seed or more")
    return Asked(
        None if run is None else Path(run),
        None if predictions is None else Path(predictions),
        names,
        training or {} if trained else None,
        seeds,
    )


def check_models(asked: Asked, benchmark: Benchmark, sam: str | None = None) -> None:
    """Looks, before any image is read, for what scoring would stop at in the end.

    Args:
        asked: what is to be scored.
        benchmark: the benchmark.
        sam: name or file of the frozen SAM; None for the one that each method names itself.

    Raises:
        UsageError: for choices of a training that cannot be, or an unknown SAM.
        DataError: where their file is no such YAML.
        ModelError: where a run, or the weights of a SAM, are missing or damaged.
    """
    needed = {sam or _SAM} if any(name in BASELINES for name in asked.methods) else set()
    for method in asked.methods:
        if method in METHODS:
            config = choose(benchmark, Path(), {**(asked.training or {}), "method": method})
            needed |= {config.sam} if config.has_sam else set()
    for name in sorted(needed):
        load_sam(name)
    if asked.run is not None:
        load_run(asked.run, sam=sam)


def rows(
    asked: Asked,
    benchmark: Benchmark,
    copy: Copy,
    contents: Contents,
    out: Path,
    *,
    allow_duplicates: bool,
    temporal: float,
    mirror: bool,
    progress: Progress,
    **loading: Any,
) -> list[Row]:
    """Returns the rows in the order in which they were asked for; nothing is trained or loaded yet.

    Args:
        asked: what is to be scored.
        benchmark: the benchmark.
        copy: what is there of it.
        contents: of its images.
        out: where the training table is written.
        allow_duplicates: whether a run may have seen test images.
        temporal: share of a clip's frames before in a run's dense prompt.
        mirror: whether a run's logits are averaged with those of mirror images.
        progress: told of the stages.
        loading: further arguments of `autosam.load`.
    """

    def scored(run: Path, seconds: float | None = None) -> Method:
        seen = refuse_seen(run, copy, contents, allowed=allow_duplicates)
        method = of_run(run, seconds=seconds, temporal=temporal, mirror=mirror, **loading)
        return replace(method, marks=(*seen, *method.marks))

    @cache
    def table() -> Path:
        return write_training(benchmark, copy, out / "training", progress)

    def trained(name: str, folder: Path) -> list[Method]:
        choices = asked.training or {}
        done = train_on(benchmark, table(), folder, method=name, seeds=asked.seeds, choices=choices, progress=progress)
        return [scored(one.run, one.seconds) for one in done]

    @cache
    def prompter() -> tuple[FrozenSam, Embedder]:
        return _prompter(**loading)

    def prompted(name: str, _: Path) -> list[Method]:
        sam, embed = prompter()
        return [of_baseline(name, sam, embed, find_device(loading.get("device", "auto")))]

    found: list[Row] = []
    if asked.run is not None:
        run = asked.run
        found.append(Row("run", lambda _: [scored(run)]))
    found += [Row(name, partial(trained if name in METHODS else prompted, name)) for name in asked.methods]
    if asked.predictions is not None:
        folder = asked.predictions
        found.append(Row("predictions", lambda _: [of_folder(folder, benchmark.kind)]))
    return found


def _prompter(
    sam: str | None = None, device: str = "auto", engine: str = "auto", precision: str = "auto"
) -> tuple[FrozenSam, Embedder]:
    """Returns the frozen SAM that is prompted, and its encoder through the cache: one embedding serves all prompts."""
    on = find_device(device)
    frozen = load_sam(sam or _SAM)
    encoder = make_encoder(frozen, engine, on, precision)
    return frozen.to(on), Embedder(encoder, EmbeddingCache(cache_folder() / "embeddings", CACHE_BYTES))
