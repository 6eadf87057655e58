"""Flags that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Out = Annotated[Path, typer.Option(help="Folder to write; must be new or empty.")]
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
Engine = Annotated[str | None, typer.Option(help="auto, torch, openvino or onnxruntime.  [default: auto, measured]")]
Precision = Annotated[str | None, typer.Option(help="auto, float32 or bfloat16.  [default: auto, measured]")]
Sam = Annotated[str | None, typer.Option(help="Name or file of the frozen SAM; `autosam info` lists the names.")]
Tile = Annotated[
    str | None,
    typer.Option(help="Of training: auto, off, or side of the overlapping tiles of large images.  [default: auto]"),
]
