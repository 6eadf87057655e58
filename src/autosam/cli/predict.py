"""The command `autosam predict`."""

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
    Json,
    MaxMemory,
    Mirror,
    Precision,
    Quiet,
    ResumableOut,
    Sam,
    Temporal,
    Threshold,
)
from autosam.cli.progress import shown
from autosam.core.words import counted


def predict(
    run: Annotated[Path, typer.Argument(help="The folder that `autosam train` wrote.")],
    inputs: Annotated[list[Path], typer.Argument(help="Images, folders of images, a CSV of a data set; or videos.")],
    out: ResumableOut,
    clip: Annotated[bool, typer.Option("--clip", help="Take each folder of frames as one clip.")] = False,
    temporal: Temporal = None,
    fps: Annotated[float | None, typer.Option(help="With --clip: frames a second of folders of frames.")] = None,
    threshold: Threshold = None,
    probabilities: Annotated[bool, typer.Option("--probabilities", help="Write 16-bit probabilities too.")] = False,
    resume: Annotated[bool, typer.Option("--resume", help="Go on in --out: do only what is missing there.")] = False,
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
    """Write masks, overlays and a table for images, or for the frames of clips."""
    with told():
        hold_memory(max_memory)
        from autosam.cli.clips import of_clips, predict_and_tell
        from autosam.core.errors import PartialFailure
        from autosam.inference.model import load
        from autosam.inference.writer import predict_files

        clips = of_clips(inputs, clip=clip, temporal=temporal, fps=fps)

        progress = shown(quiet)
        try:
            model = load(
                run, decoder=decoder, threshold=threshold, mirror=mirror, sam=sam, engine=engine or "auto",
                precision=precision or "auto", device=device or "auto",
            )  # fmt: skip
            if decoder == "surrogate" and model.encoder is not None:
                progress.say(
                    f"note: {model.card.prompt_encoder} reads SAM's embedding, so SAM's image encoder still runs"
                )
            if clips:
                predict_and_tell(
                    model, inputs, out, temporal=temporal or 0.0, rate=fps, probabilities=probabilities,
                    resume=resume, progress=progress, json=json,
                )  # fmt: skip
                return
            rows = predict_files(model, inputs, out, probabilities=probabilities, resume=resume, progress=progress)
        finally:
            progress.close()
        failed = [row for row in rows if row.error]
        if json:
            print(json_format.dumps({"out": str(out), "images": len(rows), "failed": [row.file for row in failed]}))
        else:
            print(f"{out}: {len(rows) - len(failed)} of {counted(len(rows), 'image')} segmented")
        if failed:
            raise PartialFailure(
                f"{len(failed)} of {counted(len(rows), 'input')} failed; predictions.csv lists them", file=out
            )
