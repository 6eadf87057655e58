"""Loaded by every process of the harness before all else: notes each socket of a network, and makes clocks jump."""

from __future__ import annotations

import os
import random
import sys
import time

# AF_INET and AF_INET6, by number: the module socket is not to be imported for those who do not need it.
_NETWORK = (2, 10)


def _watch() -> None:
    def heard(event: str, arguments: tuple[object, ...]) -> None:
        family = int(arguments[1]) if event == "socket.__new__" else None  # type: ignore[call-overload]
        if family in _NETWORK or event in ("socket.getaddrinfo", "socket.gethostbyname"):
            log = os.environ.get("HARNESS_SOCKETS")
            if log is None:
                return
            handle = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
            os.write(handle, f"{event} {arguments[1:]}\n".encode())
            os.close(handle)
            raise PermissionError("the harness allows no network")

    sys.addaudithook(heard)


def _jump() -> None:
    true, draw = time.time, random.Random(os.getpid())
    years = 3 * 365 * 86400
    time.time = lambda: true() + draw.uniform(-years, years)
    time.time_ns = lambda: int(time.time() * 1e9)


def begin() -> None:
    """Does what the environment asks of a process that begins."""
    if os.environ.get("HARNESS_CLOCK") == "jumps":
        _jump()
    listing = os.environ.get("HARNESS_MODULES")
    if listing:
        import atexit

        atexit.register(_list, listing)


def _list(file: str) -> None:
    handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.write(handle, "\n".join(list(sys.modules)).encode())
    os.close(handle)


_watch()
begin()
