"""An output folder, taken by the one who writes it, and what it was written with."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from autosam.core.errors import UsageError
from autosam.core.files import held, is_temporary, missing_folders, remove_empty, sweep, try_to_write, write_json
from autosam.data.predicted import RECORD

# What a record of an earlier version does not hold.
_UNKNOWN_ONCE = frozenset({"engine"})


@contextlib.contextmanager
def claim(folder: Path | None) -> Iterator[None]:
    """Makes an output folder, before there is anything to write into it; nothing for None.

    Where the work that it is made for ends with a fault, it is removed again if nothing was written into it.

    Raises:
        UsageError: where it holds something already, is a file, or cannot be written.
        ResourceError: where the disk is full.
    """
    if folder is None:
        yield
        return
    if folder.exists() and not folder.is_dir():
        raise UsageError("is a file", file=folder, cure="Give --out a folder")
    if folder.is_dir() and any(folder.iterdir()):
        raise UsageError("is not empty; nothing is overwritten", file=folder, cure="Give another --out")
    made = missing_folders(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        try:
            try_to_write(folder)
        except OSError as fault:
            raise UsageError(
                f"cannot be written ({fault.strerror})", file=folder, cure="Give another --out, or mend its permissions"
            ) from fault
        yield
    except BaseException:
        remove_empty(made)
        raise


@contextlib.contextmanager
def claimed(folder: Path, options: dict[str, Any], *, resume: bool) -> Iterator[None]:
    """Holds an output folder while it is written, with a record of the options that decide what is in it.

    Args:
        folder: new or empty; with `resume` also one that was begun with the same options.
        options: plain values.
        resume: go on with it.

    Raises:
        UsageError: where it is a file, holds something else, was begun with other options, or is being written by
            another process.
    """
    if folder.exists() and not folder.is_dir():
        raise UsageError("is a file", file=folder, cure="Give --out a folder")
    folder.mkdir(parents=True, exist_ok=True)
    with held(folder):
        begun = [entry for entry in folder.iterdir() if not is_temporary(entry)]
        if begun and not resume:
            raise UsageError(
                "is not empty; nothing is overwritten",
                file=folder,
                cure="Give another --out, or --resume to go on with it",
            )
        if begun:
            _hold_to(folder / RECORD, options)
        sweep(folder)
        write_json(folder / RECORD, options)
        yield


def _hold_to(file: Path, options: dict[str, Any]) -> None:
    try:
        before = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UsageError(
            "is not empty, and no predictions were begun in it", file=file.parent, cure="Give another --out"
        ) from None
    except (OSError, ValueError):
        before = None
    if not isinstance(before, dict):
        raise UsageError("cannot be read, so that nothing can be resumed", file=file, cure="Give another --out")
    before = {name: options[name] for name in _UNKNOWN_ONCE & options.keys()} | before
    other = [name for name in sorted(options.keys() | before.keys()) if options.get(name) != before.get(name)]
    if other:
        # The card's digest says nothing beside a choice that is part of the card.
        told = [name for name in other if name != "card"] or other
        said = "; ".join(f"{name} was {before.get(name)}, now {options.get(name)}" for name in told)
        raise UsageError(
            f"its predictions were begun otherwise: {said}",
            file=file.parent,
            cure="Resume with the same run and options, or give another --out",
        )
