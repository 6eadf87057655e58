"""Work done a little ahead of its use, in the order of its use."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

X = TypeVar("X")
Y = TypeVar("Y")

_AHEAD = 2


def ahead(make: Callable[[X], Y], inputs: Iterable[X]) -> Generator[Y]:
    """Yields `make(x)` for every input in order, made in one thread a little ahead of its use."""
    with ThreadPoolExecutor(1) as pool:
        waiting: list[Future[Y]] = []
        try:
            for one in inputs:
                waiting.append(pool.submit(make, one))
                if len(waiting) > _AHEAD:
                    yield waiting.pop(0).result()
            while waiting:
                yield waiting.pop(0).result()
        finally:
            for late in waiting:
                late.cancel()
