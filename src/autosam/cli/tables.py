"""Tables that the commands print."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table

from autosam.core.words import counted

if TYPE_CHECKING:
    from autosam.data.check import DataCheck
    from autosam.training.quantise import Quantised

_SHOWN = 40


def console() -> Console:
    """Returns a console that wraps no line where its output is read by a program, and takes no name for markup."""
    plain = Console(markup=False, emoji=False)
    if plain.is_terminal:
        return plain
    return Console(width=10_000, markup=False, emoji=False, highlight=False, no_color=True)


def scores(summary: Mapping[str, Any]) -> None:
    """Prints a report's means with their intervals, the surrogate's beside them."""
    second = summary.get("surrogate")
    table = Table(title=f"{counted(summary['cases'], 'case')}, view {summary['view']}", title_justify="left")
    table.add_column("metric")
    table.add_column("mean", justify="right")
    table.add_column("95 % interval", justify="right")
    if second:
        table.add_column("surrogate h", justify="right")
    for name, entry in summary.items():
        if not isinstance(entry, dict) or "ci95" not in entry:
            continue
        row = [name, *_figures(entry, summary["bootstrap"]["over"][:-1])]
        if second:
            row.append(_figures(second[name], "")[0])
        table.add_row(*row)
    console().print(table)


def _figures(entry: Mapping[str, Any], unit: str) -> tuple[str, str]:
    if entry["mean"] is None:
        return "-", "-"
    length = entry["unit"] != "fraction"
    digits, measured = (2, f" {entry['unit']}") if length else (4, "")
    ends = f"one {unit}: none" if entry["ci95"] is None else " to ".join(f"{end:.{digits}f}" for end in entry["ci95"])
    return f"{entry['mean']:.{digits}f}{measured}", ends


def names(*, as_json: bool) -> None:
    """Prints every name that a flag takes, and which weights are here."""
    from autosam.data.augment import AUGMENTATIONS
    from autosam.models.frozen_sam import SAMS
    from autosam.models.prompt_encoder import PROMPT_ENCODERS
    from autosam.models.rivals import METHODS, RIVALS
    from autosam.models.weight_sources import WEIGHTS, LocalWeights
    from autosam.models.weights import installed
    from autosam.training.losses import LOSSES

    here = {name: installed(name) is not None for name in WEIGHTS}
    if as_json:
        known = {
            "sams": {
                name: {"about": entry.description, "installed": here.get(name, True)} for name, entry in SAMS.items()
            },
            "methods": list(METHODS),
            "prompt_encoders": [*PROMPT_ENCODERS, "hf:NAME"],
            "augmentations": list(AUGMENTATIONS),
            "losses": list(LOSSES),
            "data": {name: there for name, there in here.items() if name not in SAMS},
        }
        print(json.dumps(known))
        return
    table = Table(title="Frozen SAMs (--sam)", title_justify="left")
    for column in ("name", "weights", "what it is"):
        table.add_column(column)
    for name, entry in SAMS.items():
        from_authors = isinstance(WEIGHTS.get(name), LocalWeights)
        cure = "a file of its authors" if from_authors else f"autosam fetch {name}"
        table.add_row(name, "here" if here.get(name, True) else cure, entry.description)
    out = console()
    out.print(table)
    out.print("Methods (--method): autosam, or a rival trained by the same loop:")
    for name, rival in RIVALS.items():
        out.print(f"  {name}: {rival.summary}")
    out.print(f"Prompt encoders (--prompt-encoder): {', '.join(PROMPT_ENCODERS)}, hf:NAME (autosam fetch hf:NAME)")
    out.print(f"Augmentations (--augment): {', '.join(AUGMENTATIONS)}")
    out.print(f"Losses (--loss): {', '.join(LOSSES)}")
    data = (
        f"{name} ({'here' if there else f'autosam fetch {name}'})" for name, there in here.items() if name not in SAMS
    )
    out.print(f"Data: {', '.join(data)}")


def run_card(run: Path, *, as_json: bool) -> None:
    """Prints what a run's checkpoint says of itself."""
    from autosam.models.checkpoint import digest, model_file, read_card

    card = {**asdict(read_card(model_file(run))), "sha256": digest(run)}
    if as_json:
        print(json.dumps(card))
        return
    table = Table(show_header=False)
    for name, value in card.items():
        if isinstance(value, dict):
            for inner, held in value.items():
                table.add_row(f"{name}.{inner}", str(held))
        else:
            table.add_row(name, str(value))
    console().print(table)


def quantised(made: Quantised) -> None:
    """Prints what quantising a run changed."""
    others = "others" if made.apart else "the same"
    table = Table(title=f"masks of {made.compared} images ({others}), before and after", title_justify="left")
    for column in ("decoder", "mean IoU", "least IoU", "both empty", "s an image before", "after", "engine"):
        table.add_column(column, justify="left" if column in ("decoder", "engine") else "right")
    for decoder, one in made.agreement.items():
        was, now = one.seconds
        ious = (f"{one.mean:.4f}", f"{one.least:.4f}", str(one.empty))
        table.add_row(decoder, *ious, f"{was:.3f}", f"{now:.3f}", one.engine)
    out = console()
    out.print(table)
    before, after = (size / 2**20 for size in made.bytes)
    out.print(
        f"{made.run}: {made.layers} convolutions of eight-bit integers, their ranges from "
        f"{counted(made.images, 'image')}; {before:.1f} -> {after:.1f} MB"
    )


def checked(check: DataCheck, data: Path, picture: Path | str, *, as_json: bool) -> None:
    """Prints a data check and writes its picture, where it has a place (`picture_place`)."""
    from autosam.data.check import picture as draw

    drawn = isinstance(picture, Path) and len(check.faults) < len(check.cases)
    if drawn:
        draw(check, Path(picture))
    if as_json:
        print(json.dumps({**check.as_dict(), "picture": str(picture) if drawn else None}))
        return
    out = console()
    table = Table(title=f"{counted(len(check.cases), 'pair')} in {data}", title_justify="left")
    for column in ("id", "size", "mask values", "foreground", "group"):
        table.add_column(column, justify="right" if column == "foreground" else "left", overflow="fold")
    for case in check.cases[:_SHOWN]:
        size = "-" if case.size is None else f"{case.size[1]} x {case.size[0]}"
        share = "-" if case.share is None else f"{case.share:.1%}"
        table.add_row(case.id, size, _values(case.values), share, case.group or "-")
    out.print(table)
    if len(check.cases) > _SHOWN:
        out.print(f"and {len(check.cases) - _SHOWN} more (--json lists all)")
    if check.ignored:
        out.print(f"ignored: {', '.join(check.ignored)}")
    for note in check.notes:
        out.print(f"note: {note}")
    for case in check.faults:
        out.print(f"fault: {case.fault}")
    if drawn:
        out.print(f"picture: {picture}")
    elif isinstance(picture, str):
        out.print(f"picture: none, since {picture}; say where with --picture")


def _values(values: Mapping[int, int]) -> str:
    listed = ", ".join(str(value) for value in sorted(values)[:6])
    return f"{listed}, ... ({len(values)} values)" if len(values) > 6 else listed or "-"
