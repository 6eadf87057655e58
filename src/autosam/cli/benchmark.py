"""The command `autosam benchmark`."""

from __future__ import annotations

import json as json_format
from pathlib import Path
from typing import Annotated, Any

import typer

from autosam.cli.faults import told
from autosam.cli.limits import hold_memory
from autosam.cli.options import Device, DryRun, Engine, Json, MaxMemory, Mirror, Quiet, Sam, Temporal, Tile
from autosam.cli.progress import shown
from autosam.cli.rehearsed import rehearsed


def benchmark(
    name: Annotated[str, typer.Argument(metavar="glas|monuseg|polyps|sunseg", help="The benchmark.")],
    data: Annotated[
        Path | None, typer.Option(help="Folder of the benchmark in its official layout.  [required but for --dry-run]")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Folder to write; must be new or empty.  [required but for --dry-run]")
    ] = None,
    run: Annotated[Path | None, typer.Option(help="Trained run to score.")] = None,
    train: Annotated[bool, typer.Option("--train", help="Train AutoSAM on its training part first.")] = False,
    method: Annotated[
        list[str] | None,
        typer.Option(
            help="A rival, may be repeated: autosam, unet, hardnet-segmentation, tuned-decoder, medical-sam-adapter "
            "(trained here); sam-box, sam-centre, sam-points-N (each also -whole), sam-mask, sam-nothing, "
            "sam-everything-best, -majority; or trained, prompted, all."
        ),
    ] = None,
    predictions: Annotated[Path | None, typer.Option(help="Folder of masks to score, of any tool.")] = None,
    view: Annotated[
        list[str] | None, typer.Option(help="standard, official, reference-code or all; may be repeated.")
    ] = None,
    allow_duplicates: Annotated[
        bool, typer.Option("--allow-duplicates", help="Score test images seen in training; marks every table.")
    ] = False,
    seeds: Annotated[int, typer.Option(help="How many trainings a trained method has, a seed each.")] = 1,
    minutes: Annotated[float | None, typer.Option(help="Of trainings: bound of each.  [default: 10]")] = None,
    epochs: Annotated[int | None, typer.Option(help="Of trainings: passes, in place of --minutes.")] = None,
    prompt_encoder: Annotated[str | None, typer.Option(help="Of trainings: g.")] = None,
    seed: Annotated[int | None, typer.Option(help="Of trainings: the first seed.  [default: 0]")] = None,
    tile: Tile = None,
    config: Annotated[Path | None, typer.Option(help="Of trainings: YAML of any choices of `autosam train`.")] = None,
    temporal: Temporal = None,
    mirror: Mirror = False,
    sam: Sam = None,
    device: Device = None,
    engine: Engine = None,
    dry_run: DryRun = False,
    max_memory: MaxMemory = None,
    quiet: Quiet = False,
    json: Json = False,
) -> None:
    """Score runs, trainings, rivals or a folder of masks on a public benchmark; write tables."""
    with told():
        hold_memory(max_memory)
        from autosam.benchmarks.run import benchmark as work
        from autosam.core.errors import PartialFailure, UsageError
        from autosam.models.rivals import AUTOSAM, METHODS

        given: dict[str, Any] = dict(
            minutes=minutes, epochs=epochs, prompt_encoder=prompt_encoder, seed=seed, config=config, tile=tile
        )
        choices = {flag: value for flag, value in given.items() if value is not None}
        methods = [*([AUTOSAM] if train else []), *(method or [])]
        trains = any(name in ("trained", "all", *METHODS) for name in methods)
        if choices and not trains:
            flags = ", ".join(f"--{flag.replace('_', '-')}" for flag in choices)
            raise UsageError(f"{flags} is of a training", cure="Add --train, or leave it out")
        shared = {"sam": sam, "device": device, "engine": engine}
        loading = {flag: value for flag, value in shared.items() if value is not None}
        if dry_run:
            if methods != [AUTOSAM]:
                raise UsageError("--dry-run is of AutoSAM's training", cure="Add --train, or leave it out")
            rehearsed(data, {**choices, **loading}, as_json=json, benchmark=name)
            return
        if data is None or out is None:
            raise UsageError("give the benchmark's folder and one to write", cure="Add --data DIR and --out DIR")
        progress = shown(quiet)
        try:
            result = work(
                name, data, out, run=run, predictions=predictions, methods=methods,
                training={**choices, **loading} if trains else None, seeds=seeds, views=view or ("standard",),
                allow_duplicates=allow_duplicates, temporal=temporal or 0.0, mirror=mirror,
                progress=progress, **loading,
            )  # fmt: skip
        finally:
            progress.close()
        print(json_format.dumps(result.summary()) if json else result.table())
        if result.failures:
            raise PartialFailure(
                f"{len(result.failures)} predictions failed, scored as empty masks; cases.csv lists them", file=out
            )
