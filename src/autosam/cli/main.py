"""The command `autosam`."""

from __future__ import annotations

import json as json_format
import time
from pathlib import Path
from typing import Annotated, Any

import typer

from autosam.cli.benchmark import benchmark
from autosam.cli.faults import told
from autosam.cli.options import Device, Engine, Foreground, Group, Json, Out, Precision, Quiet, Sam, Tile
from autosam.cli.progress import shown

STARTED = time.monotonic()

app = typer.Typer(
    name="autosam",
    help="Segment medical images with a frozen SAM and no click: train a prompt encoder, then predict and score.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
data_app = typer.Typer(help="Look at a data set before training.", no_args_is_help=True)
app.add_typer(data_app, name="data")
app.command()(benchmark)


def _choices(**given: Any) -> dict[str, Any]:
    return {name: value for name, value in given.items() if value is not None}


@app.command()
def train(
    data: Annotated[Path, typer.Argument(help="Folder of images and masks, or a CSV with image,mask[,group].")],
    out: Annotated[Path, typer.Option(help="The run's folder; must be new or empty, but with --resume.")],
    sam: Annotated[str | None, typer.Option(help="Name or file of the frozen SAM.  [default: litemedsam]")] = None,
    prompt_encoder: Annotated[
        str | None,
        typer.Option(help="g: sam-features, hardnet85, hardnet68, hardnet39ds, hf:NAME.  [default: sam-features]"),
    ] = None,
    weights: Annotated[Path | None, typer.Option(help="Official ImageNet checkpoint of g's backbone.")] = None,
    minutes: Annotated[float | None, typer.Option(help="Bound of the whole command.  [default: 10]")] = None,
    epochs: Annotated[int | None, typer.Option(help="Passes over the images, in place of --minutes.")] = None,
    views: Annotated[
        int | None, typer.Option(help="Augmented views an image, cached; 0 encodes live.  [default: 8, at most]")
    ] = None,
    batch: Annotated[int | None, typer.Option(help="Images a step.  [default: 4]")] = None,
    size: Annotated[int | None, typer.Option(help="Side of g's input.  [default: SAM's, at most 512]")] = None,
    val: Annotated[float | None, typer.Option(help="Share held out to choose the checkpoint.  [default: 0.2]")] = None,
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
    quiet: Quiet = False,
    json: Json = False,
) -> None:
    """Train g (and h) on images and masks; SAM stays frozen."""
    with told():
        from autosam.models.checkpoint import read_card
        from autosam.training.train import train as work

        choices = _choices(
            sam=sam, prompt_encoder=prompt_encoder, weights=weights, minutes=minutes, epochs=epochs, views=views,
            batch=batch, size=size, val=val, val_data=val_data, group=group, foreground=foreground, augment=augment,
            loss=loss, lr=lr, device=device, engine=engine, precision=precision, seed=seed, init=init, tile=tile,
        )  # fmt: skip
        progress = shown(quiet)
        try:
            run = work(data, out, resume=resume, config=config, progress=progress, started=STARTED, **choices)
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


@app.command()
def predict(
    run: Annotated[Path, typer.Argument(help="The folder that `autosam train` wrote.")],
    inputs: Annotated[list[Path], typer.Argument(help="Images and folders of images.")],
    out: Out,
    threshold: Annotated[float | None, typer.Option(min=0, max=1, help="Foreground from this probability.")] = None,
    probabilities: Annotated[bool, typer.Option("--probabilities", help="Write 16-bit probabilities too.")] = False,
    resume: Annotated[bool, typer.Option("--resume", help="Go on in --out: do only what is missing there.")] = False,
    decoder: Annotated[str, typer.Option(help="sam, or surrogate: g and h without SAM's decoder.")] = "sam",
    sam: Sam = None,
    device: Device = None,
    engine: Engine = None,
    precision: Precision = None,
    quiet: Quiet = False,
    json: Json = False,
) -> None:
    """Write masks, overlays and a table for images."""
    with told():
        from autosam.core.errors import PartialFailure
        from autosam.inference.model import load
        from autosam.inference.writer import predict_files

        progress = shown(quiet)
        try:
            model = load(
                run, decoder=decoder, threshold=threshold, sam=sam, engine=engine or "auto",
                precision=precision or "auto", device=device or "auto",
            )  # fmt: skip
            if decoder == "surrogate" and model.encoder is not None:
                progress.say(
                    f"note: {model.card.prompt_encoder} reads SAM's embedding, so SAM's image encoder still runs"
                )
            rows = predict_files(model, inputs, out, probabilities=probabilities, resume=resume, progress=progress)
        finally:
            progress.close()
        failed = [row for row in rows if row.error]
        if json:
            print(json_format.dumps({"out": str(out), "images": len(rows), "failed": [row.file for row in failed]}))
        else:
            print(f"{out}: {len(rows) - len(failed)} of {len(rows)} images segmented")
        if failed:
            raise PartialFailure(f"{len(failed)} of {len(rows)} inputs failed; predictions.csv lists them", file=out)


@app.command()
def evaluate(
    sources: Annotated[
        list[Path], typer.Argument(metavar="[RUN] DATA", help="RUN and DATA; DATA alone with --predictions.")
    ],
    out: Out,
    predictions: Annotated[Path | None, typer.Option(help="Folder of masks that anything predicted.")] = None,
    foreground: Foreground = None,
    group: Group = None,
    threshold: Annotated[float | None, typer.Option(min=0, max=1, help="Foreground from this probability.")] = None,
    decoder: Annotated[str, typer.Option(help="sam, or surrogate: g and h without SAM's decoder.")] = "sam",
    sam: Sam = None,
    device: Device = None,
    engine: Engine = None,
    precision: Precision = None,
    quiet: Quiet = False,
    json: Json = False,
) -> None:
    """Score a run, or a folder of masks, on images with masks; write a report."""
    with told():
        from autosam.core.errors import PartialFailure, UsageError
        from autosam.evaluation.run import evaluate_run

        if len(sources) != (1 if predictions else 2):
            raise UsageError("give RUN and DATA, or --predictions DIR and DATA")
        progress = shown(quiet)
        try:
            report = evaluate_run(
                sources[0] if predictions is None else None, sources[-1], out=out, predictions=predictions,
                foreground=foreground, group=group, threshold=threshold, decoder=decoder, sam=sam,
                engine=engine or "auto", precision=precision or "auto", device=device or "auto", progress=progress,
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
            raise PartialFailure(
                f"{summary['failed']} of {summary['cases']} cases failed, scored as empty masks", file=out
            )


@data_app.command("check")
def data_check(
    data: Annotated[Path, typer.Argument(help="Folder of images and masks, or a CSV.")],
    foreground: Foreground = None,
    group: Group = None,
    picture: Annotated[Path | None, typer.Option(help="Where to write a picture of some pairs.")] = None,
    json: Json = False,
) -> None:
    """Show how images and masks pair, what the masks hold, and what is wrong."""
    with told():
        from autosam.cli.tables import checked
        from autosam.core.errors import DataError
        from autosam.data.check import check_data
        from autosam.data.foreground import Foreground as Rule

        result = check_data(data, foreground=Rule.parse(foreground), group=group)
        checked(result, data, picture, as_json=json)
        if result.faults:
            count = len(result.faults)
            raise DataError(
                f"{count} of {len(result.cases)} pairs cannot be used", file=data, cure="Mend what is listed above"
            )


@app.command()
def fetch(
    name: Annotated[str, typer.Argument(help="Weights or data by name; `autosam info` lists them.")],
    quiet: Quiet = False,
) -> None:
    """Download weights or demo data: the only command that touches the network."""
    with told():
        from autosam.models.weights import fetch as work

        progress = shown(quiet)
        try:
            file = work(name, progress=progress.say)
        finally:
            progress.close()
        print(file)


@app.command()
def info(
    run: Annotated[Path | None, typer.Argument(help="A run, to show what it is; none lists all names.")] = None,
    json: Json = False,
) -> None:
    """Show what a run is, or the names of SAMs, prompt encoders, augmentations and losses."""
    with told():
        from autosam.cli.tables import names, run_card

        if run is None:
            names(as_json=json)
        else:
            run_card(run, as_json=json)


@app.command()
def doctor(json: Json = False) -> None:
    """Look at this machine: versions, cores, devices, weights, cache; say what is wrong and the cure."""
    with told():
        from autosam.cli.doctor import doctor as work

        work(json)


def run() -> None:
    """Runs the command line; the entry point of the package."""
    app()
