"""From a fault to one message and an exit code."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from autosam.core.errors import AutoSAMError


@contextmanager
def told() -> Iterator[None]:
    """Prints a user's fault as one line and ends the process with its code; a fault of the program keeps its trace.

    Raises:
        SystemExit: 2 wrong usage, 3 bad data or model, 4 some inputs failed, 5 out of memory or disk, 130 interrupted.
    """
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s: %(message)s", stream=sys.stderr, force=True)
    try:
        yield
    except AutoSAMError as fault:
        _end(fault.message, fault.exit_code)
    except KeyboardInterrupt:
        _end("interrupted", 130)
    except MemoryError:
        _end("out of memory. Close other programs, or take a smaller --batch or image", 5)
    except OSError as fault:
        if fault.filename is None:
            raise
        _end(f"{fault.filename}: {fault.strerror}", 5 if fault.errno == 28 else 3)
    except RuntimeError as fault:
        if "out of memory" not in str(fault) and "can't allocate memory" not in str(fault):
            raise
        _end("out of memory. Close other programs, or take a smaller --batch or image", 5)


def _end(message: str, code: int) -> None:
    print(f"{'stopped' if code == 130 else 'error'}: {message}", file=sys.stderr, flush=True)
    raise SystemExit(code)
