"""The command `autosam`."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import Annotated

import typer

from autosam.cli.benchmark import benchmark
from autosam.cli.cache import cache_app
from autosam.cli.compare import compare
from autosam.cli.evaluate import evaluate
from autosam.cli.faults import told
from autosam.cli.figures import figures
from autosam.cli.options import Foreground, Group, Json, Quiet
from autosam.cli.predict import predict
from autosam.cli.progress import shown
from autosam.cli.quantise import quantise
from autosam.cli.train import train
from autosam.core.words import counted

app = typer.Typer(
    name="autosam",
    help="Segment medical images with a frozen SAM and no click: train a prompt encoder, then predict and score.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    # Typer's panels import a Markdown parser and a highlighter: help would take twice as long.
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)
data_app = typer.Typer(help="Look at a data set before training.", no_args_is_help=True, rich_markup_mode=None)
app.add_typer(data_app, name="data")
app.add_typer(cache_app, name="cache")
for command in (train, predict, evaluate, benchmark, compare, figures, quantise):
    app.command()(command)


@data_app.command("check")
def data_check(
    data: Annotated[Path, typer.Argument(help="Folder of images and masks, or a CSV.")],
    foreground: Foreground = None,
    group: Group = None,
    picture: Annotated[
        Path | None, typer.Option(help="Where to write a picture of some pairs.  [default: DATA-check.png, here]")
    ] = None,
    json: Json = False,
) -> None:
    """Show how images and masks pair, what the masks hold, and what is wrong."""
    with told():
        from autosam.cli.picture import picture_place
        from autosam.cli.tables import checked
        from autosam.core.errors import DataError
        from autosam.data.check import check_data
        from autosam.data.foreground import Foreground as Rule

        place = picture_place(data, picture)
        result = check_data(data, foreground=Rule.parse(foreground), group=group)
        checked(result, data, place, as_json=json)
        if result.faults:
            count = len(result.faults)
            raise DataError(
                f"{count} of {counted(len(result.cases), 'pair')} cannot be used",
                file=data,
                cure="Mend what is listed above",
            )


@app.command()
def fetch(
    name: Annotated[str, typer.Argument(help="Weights or data, which `autosam info` lists, or a backbone hf:NAME.")],
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
    """Show what a run is, or every name that a flag or `autosam fetch` takes."""
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
    try:
        app()
    finally:
        # The work is done or told. The interpreter's own end takes a moment, and has the exit code to give.
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGALRM):
            signal.signal(number, signal.SIG_IGN)
