"""What was tried, what was kept, what was lost: a row a case."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from harness.commands import Done

if TYPE_CHECKING:
    from harness.scene import Scene


@dataclass(frozen=True, slots=True)
class Try:
    """One fault that was injected.

    Attributes:
        what: in a few words.
        lost: what was not as it must be, a line each; none where all was kept.
        said: the message that the command ended with.
    """

    what: str
    lost: tuple[str, ...] = ()
    said: str = ""


@dataclass(frozen=True, slots=True)
class Case:
    """A fault of the list.

    Attributes:
        number: on the list.
        title: in a few words.
        tries: injects it; None for a part that does not exist yet.
        quick: whether its tries are few and short enough for the tests.
    """

    number: int
    title: str
    tries: Callable[[Scene], Iterator[Try]] | None
    quick: bool = False


def judged(
    what: str,
    done: Done,
    *,
    code: int | Iterable[int],
    names: Sequence[str] = (),
    also: Iterable[str] = (),
    network: bool = False,
) -> Try:
    """Returns the try that a process ended.

    Args:
        what: was tried.
        done: the process.
        code: the exit codes that are right.
        names: what its last message must hold (every message, where it ended well): the file, the flag of the cure.
        also: faults that were seen besides.
        network: whether it may open a socket, as `autosam fetch` alone may.
    """
    codes = {code} if isinstance(code, int) else set(code)
    lost = list(also)
    if done.code not in codes:
        lost.append(f"exit code {done.code}, not {' or '.join(map(str, sorted(codes)))}: {done.err[-300:]!r}")
    if "Traceback" in done.err:
        lost.append(f"a trace in place of a message: {done.err.strip().splitlines()[-1]}")
    if done.sockets and not network:
        lost.append(f"opened a socket: {done.sockets[0]}")
    if done.code > 0:
        ends = re.findall(r"^(?:error|stopped): ", done.err, re.MULTILINE)
        if len(ends) != 1:
            lost.append(f"{len(ends)} messages end it, not one")
    lost += [f"does not name {name!r}: {done.err[-300:]!r}" for name in names if name not in done.err + done.out]
    return Try(what, tuple(lost), done.said)


def table(rows: Iterable[tuple[Case, Sequence[Try]]]) -> str:
    """Returns the table of cases: tries, kept, lost."""
    lines = [f"{'case':<62} {'tries':>6} {'kept':>6} {'lost':>6}", "-" * 84]
    for case, tries in rows:
        head = f"{case.number:>2}. {case.title}"
        if case.tries is None:
            lines.append(f"{head:<62} waiting")
            continue
        lost = sum(bool(one.lost) for one in tries)
        lines.append(f"{head:<62} {len(tries):>6} {len(tries) - lost:>6} {lost:>6}")
    return "\n".join(lines)


def said_short(text: str, work: Path, most: int = 220) -> str:
    """Returns a message without the folder of the harness, on one line."""
    plain = text.replace(f"{work}/", "").replace("\n", " ")
    return plain if len(plain) <= most else plain[: most - 3] + "..."
