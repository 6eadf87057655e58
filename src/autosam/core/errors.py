"""The one hierarchy of errors that a user may see, each with the exit code of its command."""

from __future__ import annotations

from os import PathLike


class AutoSAMError(Exception):
    """Something a user can mend: what is wrong, in which file, and what to do.

    Args:
        what: the fault, a sentence without its full stop.
        file: the file or folder that has it.
        cure: what to do, a sentence without its full stop.
    """

    exit_code = 3

    def __init__(self, what: str, *, file: str | PathLike[str] | None = None, cure: str | None = None) -> None:
        self.what = what
        self.file = None if file is None else str(file)
        self.cure = cure
        super().__init__(self.message)

    @property
    def message(self) -> str:
        """The whole message on one line: file, fault, cure."""
        head = self.what if self.file is None else f"{self.file}: {self.what}"
        return head if self.cure is None else f"{head}. {self.cure}"

    def __reduce__(self) -> tuple[object, ...]:
        return _rebuild, (type(self), self.what, self.file, self.cure)


def _rebuild(kind: type[AutoSAMError], what: str, file: str | None, cure: str | None) -> AutoSAMError:
    return kind(what, file=file, cure=cure)


class UsageError(AutoSAMError):
    """Wrong usage: a flag, a name or a combination that cannot be."""

    exit_code = 2


class DataError(AutoSAMError):
    """Bad data: an image, a mask, a folder or a table that cannot be used as it is."""


class ModelError(AutoSAMError):
    """Bad or missing weights, checkpoint or configuration of a model."""


class NotFiniteError(ModelError):
    """A model gave numbers that are not finite."""


class PartialFailure(AutoSAMError):
    """The work is done, but some inputs failed; each has been listed."""

    exit_code = 4


class ResourceError(AutoSAMError):
    """Out of memory or disk."""

    exit_code = 5


class Interrupted(AutoSAMError):
    """Stopped by the user or the system, in order; what was done is kept."""

    exit_code = 130
