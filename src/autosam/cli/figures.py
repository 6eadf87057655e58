"""The command `autosam figures`."""

from __future__ import annotations

import json as json_format
from pathlib import Path
from typing import Annotated

import typer

from autosam.cli.compare import named_folder
from autosam.cli.faults import told
from autosam.cli.limits import hold_memory
from autosam.cli.options import Device, Engine, Foreground, Json, MaxMemory, Out, Quiet, Sam
from autosam.cli.progress import shown


def figures(
    run: Annotated[Path, typer.Argument(help="The folder that `autosam train` wrote.")],
    data: Annotated[Path, typer.Argument(help="Folder or CSV of images and masks.")],
    out: Out,
    beside: Annotated[
        list[str] | None, typer.Option(help="NAME=RUN or NAME=FOLDER of masks, a further method; may be repeated.")
    ] = None,
    case: Annotated[list[str] | None, typer.Option(help="A case to show; may be repeated.  [default: drawn]")] = None,
    count: Annotated[int, typer.Option(help="How many cases are drawn by their names.")] = 4,
    foreground: Foreground = None,
    sam: Sam = None,
    device: Device = None,
    engine: Engine = None,
    max_memory: MaxMemory = None,
    quiet: Quiet = False,
    json: Json = False,
) -> None:
    """Draw the paper's figures: SAM by its prompts, methods side by side, the prompt Z, learning curves."""
    with told():
        hold_memory(max_memory)
        from autosam.benchmarks.figures import figures as work
        from autosam.core.errors import UsageError

        others: dict[str, str | Path] = {}
        for given in beside or ():
            name, folder = named_folder(given)
            if name is None or name in others:
                raise UsageError(f"--beside {given} has no name of its own", cure="Give --beside NAME=FOLDER")
            others[name] = folder
        progress = shown(quiet)
        try:
            files = work(
                run, data, out, beside=others, cases=case or (), count=count, foreground=foreground, progress=progress,
                sam=sam, device=device or "auto", engine=engine or "auto",
            )  # fmt: skip
        finally:
            progress.close()
        print(json_format.dumps([str(file) for file in files]) if json else "\n".join(map(str, files)))
