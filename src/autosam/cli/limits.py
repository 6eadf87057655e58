"""The memory that a command may take."""

from __future__ import annotations

from pathlib import Path

from autosam.core.memory import limit_memory

_GIB = 1 << 30


def hold_memory(gibibytes: float | None) -> None:
    """Holds this process to so much memory; where None, to what the machine or its container has.

    With a GPU of NVIDIA nothing is held unless asked for: its driver maps far more than it uses.

    Raises:
        UsageError: where a limit is asked for and the system knows none.
    """
    if gibibytes is not None:
        if not limit_memory(int(gibibytes * _GIB)):
            from autosam.core.errors import UsageError

            raise UsageError("--max-memory works on Linux only", cure="Leave it out")
        return
    if Path("/dev/nvidiactl").exists():
        return
    import psutil

    from autosam.inference.cpu import machine_memory

    limit_memory(machine_memory() + psutil.swap_memory().total)
