"""The command `autosam compare`."""

from __future__ import annotations

import json as json_format
from pathlib import Path
from typing import Annotated

import typer

from autosam.cli.faults import told
from autosam.cli.options import Json, Out, Quiet
from autosam.cli.progress import shown


def compare(
    folders: Annotated[
        list[str],
        typer.Argument(metavar="A B ...", help="Folders of `autosam evaluate` or `benchmark`, or NAME=FOLDER."),
    ],
    out: Out,
    view: Annotated[list[str] | None, typer.Option(help="View to compare; may be repeated.  [default: all]")] = None,
    measure: Annotated[
        list[str] | None, typer.Option(help="Measure to test and rank; may be repeated.  [default: a view's first]")
    ] = None,
    seed: Annotated[int, typer.Option(help="Of the bootstrap.")] = 0,
    quiet: Quiet = False,
    json: Json = False,
) -> None:
    """Compare methods scored on the same cases: means, intervals, paired tests, ranks, figures."""
    with told():
        from autosam.benchmarks.compare import compare as work

        named = [named_folder(one) for one in folders]
        progress = shown(quiet)
        try:
            result = work(
                [folder for _, folder in named], out, names=[name for name, _ in named], views=view, measures=measure,
                seed=seed, progress=progress,
            )  # fmt: skip
        finally:
            progress.close()
        print(json_format.dumps(result.summary()) if json else result.table())


def named_folder(given: str) -> tuple[str | None, Path]:
    """Returns name and folder of NAME=FOLDER, or None and a folder; one that exists is taken as it is written."""
    name, equals, rest = given.partition("=")
    if not equals or Path(given).exists():
        return None, Path(given)
    return name, Path(rest)
