"""The command `autosam quantise`."""

from __future__ import annotations

import json as json_format
from pathlib import Path
from typing import Annotated

import typer

from autosam.cli.faults import told
from autosam.cli.limits import hold_memory
from autosam.cli.options import Device, Engine, Json, MaxMemory, Out, Quiet, Sam
from autosam.cli.progress import shown


def quantise(
    run: Annotated[Path, typer.Argument(help="The folder that `autosam train` wrote.")],
    images: Annotated[
        list[Path], typer.Argument(help="Images or folders of them, best those that it was trained on; no test images.")
    ],
    out: Out,
    count: Annotated[
        int, typer.Option("--images", help="How many are looked at, and how many others compared, at most.", min=1)
    ] = 32,
    sam: Sam = None,
    engine: Engine = None,
    device: Device = None,
    max_memory: MaxMemory = None,
    quiet: Quiet = False,
    json: Json = False,
) -> None:
    """Make a run's large convolutions integers of eight bits: a smaller model, faster on most CPUs."""
    with told():
        hold_memory(max_memory)
        from autosam.training.quantise import quantise_run

        progress = shown(quiet)
        try:
            made = quantise_run(
                run, images, out, count=count, sam=sam, engine=engine or "auto", device=device or "auto",
                progress=progress,
            )  # fmt: skip
        finally:
            progress.close()
        if json:
            print(json_format.dumps(made.as_dict()))
        else:
            from autosam.cli.tables import quantised

            quantised(made)
