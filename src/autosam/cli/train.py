"""The command `autosam train`."""

from __future__ import annotations

import json as json_format
from pathlib import Path
from typing import Annotated, Any

import typer

from autosam import cli
from autosam.cli.faults import told
from autosam.cli.limits import hold_memory
from autosam.cli.options import Device, DryRun, Engine, Foreground, Group, Json, MaxMemory, Precision, Quiet, Tile
from autosam.cli.progress import shown
from autosam.cli.rehearsed import rehearsed


def train(
    data: Annotated[Path, typer.Argument(help="Folder of images and masks, or a CSV with image,mask[,group].")],
    out: Annotated[
        Path | None, typer.Option(help="The run's folder; must be new or empty, but with --resume.  [required]")
    ] = None,
    method: Annotated[
        str | None,
        typer.Option(help="autosam, or a rival: unet, hardnet-segmentation, tuned-decoder, medical-sam-adapter."),
    ] = None,
    sam: Annotated[str | None, typer.Option(help="Name or file of the frozen SAM.  [default: litemedsam]")] = None,
    prompt_encoder: Annotated[
        str | None,
        typer.Option(help="g: sam-features, hardnet85, hardnet68, hardnet39ds, hf:NAME.  [default: sam-features]"),
    ] = None,
    weights: Annotated[Path | None, typer.Option(help="Official ImageNet checkpoint of g's backbone.")] = None,
    minutes: Annotated[float | None, typer.Option(help="Bound of the whole command.  [default: 10]")] = None,
    epochs: Annotated[int | None, typer.Option(help="Passes over the images, in place of --minutes.")] = None,
    views: Annotated[
        int | None,
        typer.Option(help="Views an image, cached, all but one augmented; 0 encodes live.  [default: 8, at most]"),
    ] = None,
    batch: Annotated[int | None, typer.Option(help="Images a step.  [default: 4]")] = None,
    size: Annotated[int | None, typer.Option(help="Side of g's input.  [default: SAM's, at most 512]")] = None,
    val: Annotated[float | None, typer.Option(help="Share held out to choose the checkpoint.  [default: 0.1]")] = None,
    val_data: Annotated[Path | None, typer.Option(help="A folder or CSV of its own for that.")] = None,
    group: Group = None,
    foreground: Foreground = None,
    augment: Annotated[
        str | None,
        typer.Option(help="light, histology, endoscopy, none, reference-glas, -monuseg, -polyps.  [default: light]"),
    ] = None,
    loss: Annotated[str | None, typer.Option(help="bce-dice or minmax.  [default: bce-dice]")] = None,
    lr: Annotated[float | None, typer.Option(help="Greatest learning rate.  [default: 0.001]")] = None,
    device: Device = None,
    engine: Engine = None,
    precision: Precision = None,
    seed: Annotated[int | None, typer.Option(help="Of split, views, order and first weights.  [default: 0]")] = None,
    init: Annotated[Path | None, typer.Option(help="Run to start g and h from.")] = None,
    tile: Tile = None,
    config: Annotated[Path | None, typer.Option(help="YAML of these choices; flags go before it.")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the run in --out, to the bit.")] = False,
    dry_run: DryRun = False,
    max_memory: MaxMemory = None,
    quiet: Quiet = False,
    json: Json = False,
) -> None:
    """Train g (and h) on images and masks; SAM stays frozen."""
    with told():
        hold_memory(max_memory)
        from autosam.core.errors import UsageError
        from autosam.models.checkpoint import read_card
        from autosam.training.train import train as work

        given: dict[str, Any] = dict(
            method=method, sam=sam, prompt_encoder=prompt_encoder, weights=weights, minutes=minutes, epochs=epochs,
            views=views, batch=batch, size=size, val=val, val_data=val_data, group=group, foreground=foreground,
            augment=augment, loss=loss, lr=lr, device=device, engine=engine, precision=precision, seed=seed, init=init,
            tile=tile,
        )  # fmt: skip
        choices = {flag: value for flag, value in given.items() if value is not None}
        if dry_run:
            rehearsed(data, {**choices, "config": config}, as_json=json)
            return
        if out is None:
            raise UsageError("a training needs a folder to write", cure="Give --out DIR, or --dry-run")
        progress = shown(quiet)
        try:
            run = work(data, out, resume=resume, config=config, progress=progress, started=cli.STARTED, **choices)
        finally:
            progress.close()
        trained = read_card(run / "model.safetensors").training
        result = {"run": str(run), "val_dice": trained["val_dice"], "best_step": trained["best_step"]}
        if json:
            print(json_format.dumps(result))
        elif trained["val_dice"] is None:
            print(f"{run}: trained; no case was held out to measure it")
        else:
            print(f"{run}: validation Dice {trained['val_dice']:.4f} at step {trained['best_step']}")
