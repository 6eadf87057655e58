"""Loaded by every process of the harness before all else: notes each socket of a network, and makes clocks jump."""

from __future__ import annotations

import os
import random
import sys
import time

# AF_INET and AF_INET6, by number: the module socket is not to be imported for those who do not need it.
_NETWORK = (2, 10)


def _watch(log: str) -> None:
    def heard(event: str, arguments: tuple[object, ...]) -> None:
        family = int(arguments[1]) if event == "socket.__new__" else None  # type: ignore[call-overload]
        if family in _NETWORK or event in ("socket.getaddrinfo", "socket.gethostbyname"):
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


if os.environ.get("HARNESS_SOCKETS"):
    _watch(os.environ["HARNESS_SOCKETS"])
if os.environ.get("HARNESS_CLOCK") == "jumps":
    _jump()
