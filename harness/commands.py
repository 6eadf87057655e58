"""The real command line in processes of its own: limited, watched, stopped at will."""

from __future__ import annotations

import ctypes
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from harness import warm

AUTOSAM = [sys.executable, "-c", "from autosam.cli.main import run; run()"]
PATIENCE = 900.0
_SEALED = Path(__file__).parent / "sealed"
_DROP_FROM_BOUNDING_SET = 24
# To read and write whatever the rights, and to read whatever they are.
_PASS_OVER_RIGHTS = (1, 2)


@dataclass(frozen=True, slots=True)
class Limits:
    """What a process is denied.

    Attributes:
        memory: bytes of private memory (RLIMIT_DATA); None for no limit.
        file_size: bytes of one file (RLIMIT_FSIZE), which stands for a full disk where none can be mounted.
        rights: whether the rights of files count for root too.
    """

    memory: int | None = None
    file_size: int | None = None
    rights: bool = False

    def apply(self) -> None:
        """Takes effect in the process that calls it."""
        if self.memory is not None:
            resource.setrlimit(resource.RLIMIT_DATA, (self.memory, self.memory))
        if self.file_size is not None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (self.file_size, self.file_size))
        if self.rights and os.geteuid() == 0:
            for right in _PASS_OVER_RIGHTS:
                ctypes.CDLL(None).prctl(_DROP_FROM_BOUNDING_SET, right, 0, 0, 0)


@dataclass(frozen=True, slots=True)
class Done:
    """A process that has ended.

    Attributes:
        code: its exit code; negative where a signal ended it.
        out: what it printed.
        err: what it printed as messages.
        peak: its greatest resident memory in bytes.
        private: its greatest private memory in bytes, as far as it was seen.
        seconds: that it ran.
        sockets: a line for each socket of a network that it tried to open.
    """

    code: int
    out: str
    err: str
    peak: int
    private: int
    seconds: float
    sockets: tuple[str, ...]

    @property
    def said(self) -> str:
        """The last message that ends a command; the very last line where there is none."""
        lines = self.err.strip().splitlines()
        ends = [line for line in lines if line.startswith(("error: ", "stopped: "))]
        return ends[-1] if ends else (lines[-1] if lines else "")


@dataclass(slots=True)
class Running:
    """A process under way.

    Attributes:
        pid: its number.
        log: the file of its messages.
        writers: what writes its messages for it.
        private: the greatest private memory that was seen, in bytes; what `Limits.memory` bounds.
    """

    pid: int
    log: Path
    started: float = field(default_factory=time.monotonic)
    writers: tuple[subprocess.Popen[bytes], ...] = ()
    private: int = 0
    _code: int | None = None
    _peak: int = 0

    def ended(self) -> bool:
        """Says whether it has ended."""
        if self._code is None:
            pid, status, used = os.wait4(self.pid, os.WNOHANG)
            if not pid:
                self.private = max(self.private, _private(self.pid))
            else:
                self._code, self._peak = os.waitstatus_to_exitcode(status), used.ru_maxrss * 1024
        return self._code is not None

    def until(self, sign: Callable[[], bool], patience: float = PATIENCE, pause: float = 0.002) -> bool:
        """Waits for a sign, or until it has ended; says whether the sign came."""
        end = time.monotonic() + patience
        while time.monotonic() < end and not self.ended():
            if sign():
                return True
            time.sleep(pause)
        return False

    def signal(self, number: int) -> None:
        """Sends a signal, where it still runs."""
        if not self.ended():
            os.kill(self.pid, number)

    def done(self, patience: float = PATIENCE) -> Done:
        """Waits for its end; kills it where that does not come."""
        self.until(lambda: False, patience, pause=0.01)
        self.signal(signal.SIGKILL)
        self.until(lambda: False)
        for writer in self.writers:
            writer.wait()
        out, sockets = self.log.with_suffix(".out"), self.log.with_suffix(".sockets")
        return Done(
            -signal.SIGKILL if self._code is None else self._code,
            out.read_text(errors="replace"),
            self.log.read_text(errors="replace"),
            self._peak,
            self.private,
            time.monotonic() - self.started,
            tuple(sockets.read_text().splitlines()) if sockets.exists() else (),
        )


def start(
    arguments: list[str],
    *,
    log: Path,
    cache: Path,
    limits: Limits | None = None,
    fresh: bool = True,
    **environment: str,
) -> Running:
    """Starts `autosam ARGUMENTS`, sealed from the network; its messages go to `log`, its output beside it.

    Its standard input is a pipe in which nothing ever arrives: what waits for an answer is killed for it.

    Args:
        arguments: of the command.
        log: file of its messages.
        cache: its cache folder.
        limits: what it is denied.
        fresh: whether it is an interpreter of its own; else a fork of this one (`warm`).
        environment: further variables.
    """
    temporary = log.parent / "temporary"
    temporary.mkdir(parents=True, exist_ok=True)
    settings = {
        **os.environ,
        "AUTOSAM_CACHE": str(cache),
        "TMPDIR": str(temporary),
        "PYTHONPATH": os.pathsep.join(filter(None, [str(_SEALED), environment.pop("PYTHONPATH", ""), *sources()])),
        "HARNESS_SOCKETS": str(log.with_suffix(".sockets").absolute()),
        "OMP_NUM_THREADS": "1",
        **environment,
    }
    limit = (lambda: None) if limits is None else limits.apply
    files, writers = _outputs(
        (log.with_suffix(".out"), log), bounded=limits is not None and limits.file_size is not None
    )
    if not fresh:
        pid = warm.fork(arguments, outputs=files, folder=log.parent, environment=settings, limit=limit)
    else:
        process = subprocess.Popen(
            [*AUTOSAM, *arguments],
            stdin=subprocess.PIPE,
            stdout=files[0],
            stderr=files[1],
            env=settings,
            cwd=log.parent,
            # None leaves other threads be, where there are some.
            preexec_fn=None if limits is None else limit,
        )
        pid = process.pid
        # Else a garbage collector would wait for it in our place.
        process.returncode = 0
        _PIPES.append(process)
    for handle in files:
        os.close(handle)
    return Running(pid, log, writers=writers)


def _outputs(files: tuple[Path, Path], *, bounded: bool) -> tuple[list[int], tuple[subprocess.Popen[bytes], ...]]:
    """Returns handles to write to these files; where the size of files is bounded, by way of others that are not."""
    handles, writers = [os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644) for file in files], []
    if bounded:
        for number, file in enumerate(handles):
            reading, handles[number] = os.pipe()
            writers.append(subprocess.Popen(["cat"], stdin=reading, stdout=file))
            os.close(reading)
            os.close(file)
    return handles, tuple(writers)


def _private(pid: int) -> int:
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0
    return next((int(line.split()[1]) << 10 for line in status.splitlines() if line.startswith("VmData")), 0)


def sources() -> list[str]:
    """Returns the folders that this harness finds the program in, whatever folder a command runs in."""
    return [str(Path(place).absolute()) for place in os.environ.get("PYTHONPATH", "").split(os.pathsep) if place]


_PIPES: list[subprocess.Popen[bytes]] = []
