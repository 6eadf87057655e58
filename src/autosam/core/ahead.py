"""Work done a little ahead of its use, in the order of its use."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

X = TypeVar("X")
Y = TypeVar("Y")


def ahead(make: Callable[[X], Y], inputs: Iterable[X], *, workers: int = 1) -> Iterator[Y]:
    """Yields `make(x)` for every input in order, made by threads that run a result each, and one, ahead.

    Args:
        make: called by several threads at a time where there are several.
        inputs: taken as they are needed.
        workers: number of threads.
    """
    with ThreadPoolExecutor(workers) as pool:
        waiting: deque[Future[Y]] = deque()
        try:
            for one in inputs:
                waiting.append(pool.submit(make, one))
                if len(waiting) > workers + 1:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for late in waiting:
                late.cancel()
