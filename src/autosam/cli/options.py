"""Flags that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Out = Annotated[Path, typer.Option(help="Folder to write; must be new or empty.")]
ResumableOut = Annotated[Path, typer.Option(help="Folder to write; must be new or empty, but with --resume.")]
DryRun = Annotated[
    bool, typer.Option("--dry-run", help="Print counts, shapes, memory and time of the training; train nothing.")
]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Say nothing but warnings and errors.")]
Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]
Foreground = Annotated[
    str | None,
    typer.Option(help='Which mask values are foreground: "> 127", "1,2". Needed where masks have several.'),
]
Group = Annotated[
    str | None, typer.Option(help="Regular expression; its first group names a case's patient, clip or slide.")
]
Device = Annotated[str | None, typer.Option(help="auto, cpu, cuda, cuda:N or mps.  [default: auto]")]
Engine = Annotated[
    str | None, typer.Option(help="auto, torch, openvino, onnxruntime or torch-compile.  [default: auto, measured]")
]
Precision = Annotated[str | None, typer.Option(help="auto, float32 or bfloat16.  [default: auto, measured]")]
MaxMemory = Annotated[
    float | None,
    typer.Option(help="GiB of memory that the command may take.  [default: what the machine has]", min=0.1),
]
Sam = Annotated[str | None, typer.Option(help="Name or file of the frozen SAM; `autosam info` lists the names.")]
Threshold = Annotated[
    float | None, typer.Option(min=0, max=1, help="Foreground from this probability.  [default: the run's]")
]
Decoder = Annotated[str, typer.Option(help="sam, or surrogate: g and h without SAM's decoder.")]
Mirror = Annotated[
    bool, typer.Option("--mirror", help="Average with the image's three mirror images: four times the work.")
]
Temporal = Annotated[
    float | None,
    typer.Option(help="Share of the frames before in g's prompt, in clips: 0 to below 1.  [default: 0, none]"),
]
Tile = Annotated[
    str | None,
    typer.Option(help="Of training: auto, off, or side of the overlapping tiles of large images.  [default: auto]"),
]
