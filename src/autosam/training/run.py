"""A run's folder: its files, its lock, its log."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from autosam.core.errors import UsageError
from autosam.core.files import append_line, is_temporary, remove_empty, sweep, take_lock, write_text


@dataclass(frozen=True, slots=True)
class RunFolder:
    """The folder that a training writes.

    Attributes:
        path: the folder.
    """

    path: Path

    @property
    def model(self) -> Path:
        """The best weights so far, written at every validation."""
        return self.path / "model.safetensors"

    @property
    def card(self) -> Path:
        """What the model is, for a person; the last file of a finished training."""
        return self.path / "card.md"

    @property
    def last(self) -> Path:
        """The folder of the last states, for an exact resume."""
        return self.path / "last"

    @property
    def first(self) -> Path:
        """The weights that it began with, where they are those of another run or file."""
        return self.last / "first.safetensors"

    @property
    def config(self) -> Path:
        """The choices and the plan."""
        return self.path / "config.yaml"

    @property
    def log(self) -> Path:
        """One JSON object a line: losses, learning rate, validation."""
        return self.path / "log.jsonl"

    @property
    def previews(self) -> Path:
        """The folder of small pictures that preview.png is made of."""
        return self.path / "preview"

    @property
    def data(self) -> Path:
        """Ids and content hashes of the cases that were trained and validated on."""
        return self.path / "data.json"

    def lock(self, *, resume: bool) -> IO[bytes]:
        """Takes the folder for this process; the system lets go of it when the process ends, however it ends.

        Raises:
            UsageError: where it holds something already and `resume` is not set, or another process trains in it.
        """
        entries = self.path.iterdir() if self.path.is_dir() else ()
        held = [entry.name for entry in entries if entry.name != ".lock" and not is_temporary(entry)]
        if self.path.exists() and not self.path.is_dir():
            raise UsageError("is a file", file=self.path, cure="Give --out a folder")
        if not resume and held:
            raise UsageError(
                "is not empty; nothing is overwritten",
                file=self.path,
                cure="Give another --out, or --resume to go on with it",
            )
        if resume and held and not self.config.exists():
            raise UsageError("is no run of autosam", file=self.path, cure="Give the --out of the run to resume")
        self.path.mkdir(parents=True, exist_ok=True)
        stream = (self.path / ".lock").open("ab")
        if not take_lock(stream.fileno()):
            stream.close()
            raise UsageError(
                "another process is training in it", file=self.path, cure="Wait for it, or give another --out"
            )
        sweep(self.path)
        return stream

    def discard_unbegun(self, made: list[Path]) -> None:
        """Removes what a training wrote that has no plan yet, and of the folders it made those that are empty then."""
        if self.last.exists() or (self.config.exists() and "\nplan:" in self.config.read_text(encoding="utf-8")):
            return
        for file in (self.config, self.data, self.path / ".lock"):
            file.unlink(missing_ok=True)
        remove_empty(made)

    def append(self, row: dict[str, Any]) -> None:
        """Adds a line to the log."""
        append_line(self.log, json.dumps(row, sort_keys=True))

    def rows(self) -> list[dict[str, Any]]:
        """Returns the log's rows; a line that a kill cut short is left out."""
        if not self.log.exists():
            return []
        rows = []
        for line in self.log.read_text(encoding="utf-8").splitlines():
            try:
                rows.append(json.loads(line))
            except ValueError:
                continue
        return rows

    def forget_after(self, step: int) -> None:
        """Drops the log's rows of steps past `step`, which a resumed training takes again."""
        rows = [row for row in self.rows() if row["step"] <= step]
        write_text(self.log, "".join(json.dumps(row, sort_keys=True) + os.linesep for row in rows))
