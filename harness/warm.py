"""Commands that begin where their imports end: forks of a process that has made them already.

A tenth of the time of a fresh interpreter, and from then on the same: `autosam.cli.main.run` in a process of its own.
"""

from __future__ import annotations

import contextlib
import importlib
import io
import os
import signal
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path


def with_one_thread() -> None:
    """Begins this program anew where its libraries would start threads of their own, which no fork takes along."""
    if os.environ.get("OMP_NUM_THREADS") != "1":
        os.environ["OMP_NUM_THREADS"] = "1"
        os.execv(sys.executable, sys.orig_argv)


def preload(listing: Path) -> None:
    """Imports the modules that a command listed when it ended (HARNESS_MODULES).

    Raises:
        RuntimeError: where that started a thread: a fork would lose it.
    """
    for name in listing.read_text().splitlines():
        if name not in sys.modules and name.partition(".")[0] not in ("__main__", "sitecustomize"):
            # Some modules are made, not found; who needs them makes them again.
            with contextlib.suppress(ImportError, AttributeError, ValueError):
                importlib.import_module(name)
    threads = len(list(Path("/proc/self/task").iterdir()))
    if threads > 1:
        raise RuntimeError(f"the imports started {threads - 1} threads")


def fork(
    arguments: list[str],
    *,
    outputs: Sequence[int],
    folder: Path,
    environment: dict[str, str],
    limit: Callable[[], None],
) -> int:
    """Forks a process that runs `autosam ARGUMENTS`; returns its number.

    Args:
        arguments: of the command.
        outputs: handles for its output and for its messages.
        folder: that it runs in.
        environment: all of its variables.
        limit: called in it before the command begins.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    number = os.fork()
    if number:
        return number
    code = 1
    try:
        for handle, output in enumerate(outputs, 1):
            os.dup2(output, handle)
        reading, _ = os.pipe()
        os.dup2(reading, 0)
        for one in (signal.SIGINT, signal.SIGTERM):
            signal.signal(one, signal.default_int_handler if one == signal.SIGINT else signal.SIG_DFL)
        code = _run(arguments, folder, environment, limit)
    finally:
        os._exit(code)


def _run(arguments: list[str], folder: Path, environment: dict[str, str], limit: Callable[[], None]) -> int:
    from autosam import cli
    from autosam.cli import main
    from harness.sealed import sitecustomize

    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    sitecustomize.begin()
    sys.stdout, sys.stderr = (io.TextIOWrapper(io.FileIO(handle, "w"), "utf-8") for handle in (1, 2))
    sys.argv = ["autosam", *arguments]
    cli.STARTED = time.monotonic()
    limit()
    code: object = 0
    try:
        main.run()
    except SystemExit as end:
        code = end.code
    except BaseException:
        import traceback

        traceback.print_exc()
        code = 1
    sys.stdout.flush()
    sys.stderr.flush()
    return code if isinstance(code, int) else 0 if code is None else 1
