"""The command `autosam benchmark`."""

from __future__ import annotations

import json as json_format
from pathlib import Path
from typing import Annotated, Any

import typer

from autosam.cli.faults import told
from autosam.cli.options import Device, Engine, Json, Out, Quiet, Sam, Tile
from autosam.cli.progress import shown


def benchmark(
    name: Annotated[str, typer.Argument(metavar="glas|monuseg|polyps|sunseg", help="The benchmark.")],
    data: Annotated[Path, typer.Option(help="Folder of the benchmark in its official layout.")],
    out: Out,
    run: Annotated[Path | None, typer.Option(help="Trained run to score.")] = None,
    train: Annotated[bool, typer.Option("--train", help="Train on its training part first.")] = False,
    predictions: Annotated[Path | None, typer.Option(help="Folder of masks to score, of any tool.")] = None,
    view: Annotated[
        list[str] | None, typer.Option(help="standard, official, reference-code or all; may be repeated.")
    ] = None,
    allow_duplicates: Annotated[
        bool, typer.Option("--allow-duplicates", help="Score test images seen in training; marks every table.")
    ] = False,
    seeds: Annotated[int, typer.Option(help="With --train: how many trainings.")] = 1,
    minutes: Annotated[float | None, typer.Option(help="With --train: bound of each training.")] = None,
    epochs: Annotated[int | None, typer.Option(help="With --train: passes, in place of --minutes.")] = None,
    prompt_encoder: Annotated[str | None, typer.Option(help="With --train: g.")] = None,
    seed: Annotated[int | None, typer.Option(help="With --train: the first seed.")] = None,
    tile: Tile = None,
    config: Annotated[Path | None, typer.Option(help="With --train: YAML of any choices of `autosam train`.")] = None,
    sam: Sam = None,
    device: Device = None,
    engine: Engine = None,
    quiet: Quiet = False,
    json: Json = False,
) -> None:
    """Score a run, a training or a folder of masks on a public benchmark; write tables."""
    with told():
        from autosam.benchmarks.run import benchmark as work
        from autosam.core.errors import PartialFailure, UsageError

        given: dict[str, Any] = dict(
            minutes=minutes, epochs=epochs, prompt_encoder=prompt_encoder, seed=seed, config=config, tile=tile
        )
        choices = {flag: value for flag, value in given.items() if value is not None}
        if choices and not train:
            flags = ", ".join(f"--{flag.replace('_', '-')}" for flag in choices)
            raise UsageError(f"{flags} is of a training", cure="Add --train, or leave it out")
        shared = {"sam": sam, "device": device, "engine": engine}
        loading = {flag: value for flag, value in shared.items() if value is not None and predictions is None}
        progress = shown(quiet)
        try:
            result = work(
                name, data, out, run=run, predictions=predictions, training={**choices, **loading} if train else None,
                seeds=seeds, views=view or ("standard",), allow_duplicates=allow_duplicates, progress=progress,
                **loading,
            )  # fmt: skip
        finally:
            progress.close()
        print(json_format.dumps(result.summary()) if json else result.table())
        if result.failures:
            raise PartialFailure(
                f"{len(result.failures)} predictions failed, scored as empty masks; cases.csv lists them", file=out
            )
