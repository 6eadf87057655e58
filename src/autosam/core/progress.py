"""How long work tells of itself, without knowing who listens."""

from __future__ import annotations

from typing import Protocol


class Progress(Protocol):
    """A listener to long work, one stage at a time."""

    def start(self, what: str, total: int | None = None, done: int = 0) -> None:
        """A stage of `total` pieces begins, `done` of them made at an earlier time; it ends the stage before."""
        ...

    def resize(self, total: int) -> None:
        """The stage has another number of pieces now."""
        ...

    def advance(self, pieces: int = 1, note: str = "") -> None:
        """So many more pieces are done."""
        ...

    def say(self, message: str) -> None:
        """A line worth reading in itself."""
        ...


class Silent:
    """Listens to nothing; the default in Python."""

    def start(self, what: str, total: int | None = None, done: int = 0) -> None:
        """See `Progress`."""

    def resize(self, total: int) -> None:
        """See `Progress`."""

    def advance(self, pieces: int = 1, note: str = "") -> None:
        """See `Progress`."""

    def say(self, message: str) -> None:
        """See `Progress`."""
