"""How the command line shows long work: a bar in a terminal, one line a message elsewhere."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.progress import Progress as Bars
    from rich.progress import TaskID


class Quiet:
    """Shows warnings only."""

    def start(self, what: str, total: int | None = None, done: int = 0) -> None:
        """See `autosam.core.progress.Progress`."""

    def resize(self, total: int) -> None:
        """See `autosam.core.progress.Progress`."""

    def advance(self, pieces: int = 1, note: str = "") -> None:
        """See `autosam.core.progress.Progress`."""

    def say(self, message: str) -> None:
        """Shows what is a warning or was skipped."""
        if message.startswith(("warning:", "skipped:")):
            print(message, file=sys.stderr, flush=True)

    def close(self) -> None:
        """Ends the showing."""


class Lines:
    """One unwrapped line a message, and one at every tenth of a stage."""

    def __init__(self) -> None:
        self._what, self._total, self._done, self._before, self._told = "", None, 0, 0, 0
        self._since = time.monotonic()

    _total: int | None

    def start(self, what: str, total: int | None = None, done: int = 0) -> None:
        """See `autosam.core.progress.Progress`."""
        self._what, self._total, self._done, self._before = what, total, done, done
        self._told = self._tenth()
        self._since = time.monotonic()
        self.say(what if total is None else f"{what}: {total}" + (f", {done} done" if done else ""))

    def resize(self, total: int) -> None:
        """See `autosam.core.progress.Progress`."""
        self._total = total
        self._told = self._tenth()
        self.say(f"{self._what}: now {total}")

    def advance(self, pieces: int = 1, note: str = "") -> None:
        """See `autosam.core.progress.Progress`."""
        self._done += pieces
        tenth = self._tenth()
        if self._total and tenth > self._told:
            self._told = tenth
            spent = time.monotonic() - self._since
            left = spent / (self._done - self._before) * max(0, self._total - self._done)
            tail = f", {note}" if note else ""
            self.say(f"{self._what}: {self._done} of {self._total}, {left:.0f} s left{tail}")

    def _tenth(self) -> int:
        return self._done * 10 // self._total if self._total else 0

    def say(self, message: str) -> None:
        """See `autosam.core.progress.Progress`."""
        print(message, file=sys.stderr, flush=True)

    def close(self) -> None:
        """Ends the showing."""


class Rich:
    """A bar with the time that remains."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.progress import (
            BarColumn,
            MofNCompleteColumn,
            Progress,
            SpinnerColumn,
            TextColumn,
            TimeRemainingColumn,
        )

        self._bars: Bars = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[note]}", style="dim", markup=False),
            console=Console(stderr=True),
        )
        self._bars.start()
        self._task: TaskID | None = None

    def start(self, what: str, total: int | None = None, done: int = 0) -> None:
        """See `autosam.core.progress.Progress`."""
        self._end_stage()
        self._task = self._bars.add_task(what, total=total, completed=done, note="")

    def resize(self, total: int) -> None:
        """See `autosam.core.progress.Progress`."""
        if self._task is not None:
            self._bars.update(self._task, total=total)

    def advance(self, pieces: int = 1, note: str = "") -> None:
        """See `autosam.core.progress.Progress`."""
        if self._task is not None:
            self._bars.update(self._task, advance=pieces, note=note)

    def say(self, message: str) -> None:
        """See `autosam.core.progress.Progress`."""
        self._bars.console.print(message, highlight=False, markup=False, soft_wrap=True)

    def close(self) -> None:
        """Ends the showing."""
        self._end_stage()
        self._bars.stop()

    def _end_stage(self) -> None:
        if self._task is not None:
            task = self._bars.tasks[-1]
            if task.total is None:
                self._bars.update(self._task, total=1, completed=1)
            self._bars.stop_task(self._task)


def shown(quiet: bool) -> Quiet | Lines | Rich:
    """Returns the way that suits: quiet where asked, a bar in a terminal, lines elsewhere."""
    if quiet:
        return Quiet()
    return Rich() if sys.stderr.isatty() else Lines()
