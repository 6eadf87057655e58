"""From a fault to one message and an exit code."""

from __future__ import annotations

import io
import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from autosam.core.errors import AutoSAMError
from autosam.core.files import FULL
from autosam.core.interrupts import interruptible
from autosam.core.memory import is_out_of_memory

_SMALLER = (
    "out of memory. Close other programs, take smaller images or a smaller --batch, or allow more with --max-memory"
)


@contextmanager
def told() -> Iterator[None]:
    """Prints a user's fault as one line and ends the process with its code; a fault of the program keeps its trace.

    SIGTERM ends a command as Ctrl-C does.

    Raises:
        SystemExit: 2 wrong usage, 3 bad data or model, 4 some inputs failed, 5 out of memory or disk, 130 interrupted.
    """
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            # Closed by whoever started it: what is printed goes nowhere, and to no other stream, as long as this lasts.
            setattr(sys, name, Path(os.devnull).open("w", encoding="utf-8"))  # noqa: SIM115
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s: %(message)s", stream=sys.stderr, force=True)
    for stream in (sys.stdout, sys.stderr):
        # Names of files may hold bytes that are no text.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    interruptible()
    try:
        yield
    except AutoSAMError as fault:
        _end(fault.message, fault.exit_code)
    except KeyboardInterrupt:
        _end("interrupted; what was written is whole. Start it again", 130)
    except OSError as fault:
        if is_out_of_memory(fault):
            _end(_SMALLER, 5)
        where = fault.filename2 or fault.filename
        if fault.errno in FULL:
            _end(f"{where or 'the output'}: no space left to write it. Free some space and try again", 5)
        if where is None:
            raise
        _end(f"{where}: {fault.strerror}. Check the path and its permissions", 3)
    except (MemoryError, RuntimeError, ImportError) as fault:
        if not is_out_of_memory(fault):
            raise
        _end(_SMALLER, 5)


def _end(message: str, code: int) -> None:
    print(f"{'stopped' if code == 130 else 'error'}: {message}", file=sys.stderr, flush=True)
    raise SystemExit(code)
