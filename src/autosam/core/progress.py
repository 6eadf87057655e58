"""How long work tells of itself, without knowing who listens."""

from __future__ import annotations

from typing import Protocol


class Progress(Protocol):
    """A listener to long work, one stage at a time."""

    def start(self, what: str, total: int | None = None) -> None:
        """A stage of `total` pieces begins; it ends the one before."""
        ...

    def advance(self, pieces: int = 1, note: str = "") -> None:
        """So many more pieces are done."""
        ...

    def say(self, message: str) -> None:
        """A line worth reading in itself."""
        ...


class Silent:
    """Listens to nothing; the default in Python."""

    def start(self, what: str, total: int | None = None) -> None:
        """See `Progress`."""

    def advance(self, pieces: int = 1, note: str = "") -> None:
        """See `Progress`."""

    def say(self, message: str) -> None:
        """See `Progress`."""
