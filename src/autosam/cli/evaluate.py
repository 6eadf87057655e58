"""The command `autosam evaluate`."""

from __future__ import annotations

import json as json_format
from pathlib import Path
from typing import Annotated

import typer

from autosam.cli.faults import told
from autosam.cli.limits import hold_memory
from autosam.cli.options import (
    Decoder,
    Device,
    Engine,
    Foreground,
    Group,
    Json,
    MaxMemory,
    Mirror,
    Out,
    Precision,
    Quiet,
    Sam,
    Threshold,
)
from autosam.cli.progress import shown
from autosam.core.words import counted


def evaluate(
    sources: Annotated[
        list[Path], typer.Argument(metavar="[RUN] DATA", help="RUN and DATA; DATA alone with --predictions.")
    ],
    out: Out,
    predictions: Annotated[Path | None, typer.Option(help="Folder of masks that anything predicted.")] = None,
    foreground: Foreground = None,
    group: Group = None,
    threshold: Threshold = None,
    mirror: Mirror = False,
    decoder: Decoder = "sam",
    sam: Sam = None,
    device: Device = None,
    engine: Engine = None,
    precision: Precision = None,
    max_memory: MaxMemory = None,
    quiet: Quiet = False,
    json: Json = False,
) -> None:
    """Score a run, or a folder of masks, on images with masks; write a report."""
    with told():
        hold_memory(max_memory)
        from autosam.core.errors import PartialFailure, UsageError
        from autosam.evaluation.run import evaluate_run

        if len(sources) != (1 if predictions else 2):
            raise UsageError("give RUN and DATA, or --predictions DIR and DATA")
        progress = shown(quiet)
        try:
            report = evaluate_run(
                sources[0] if predictions is None else None, sources[-1], out=out, predictions=predictions,
                foreground=foreground, group=group, threshold=threshold, mirror=mirror,
                decoder=decoder, sam=sam, engine=engine or "auto", precision=precision or "auto",
                device=device or "auto", progress=progress,
            )  # fmt: skip
        finally:
            progress.close()
        summary = report.summary()
        if json:
            print(json_format.dumps(summary))
        else:
            from autosam.cli.tables import scores

            scores(summary)
            print(f"report: {out / 'report.html'}")
        if summary["failed"]:
            first = next(case.error for case in report.cases if case.error)
            raise PartialFailure(
                f"{summary['failed']} of {counted(summary['cases'], 'case')} failed, scored as empty masks (the first: "
                f"{first})",
                file=out,
                cure=f"{out / 'cases.csv'} lists each",
            )
