"""Work done a little ahead of its use, in the order of its use."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import TypeVar

import torch

X = TypeVar("X")
Y = TypeVar("Y")


def ahead(
    make: Callable[[X], Y],
    inputs: Iterable[X],
    *,
    workers: int = 1,
    alone: bool = False,
    size: Callable[[X], float] = lambda _: 0,
    most: float = math.inf,
) -> Generator[Y]:
    """Yields `make(x)` for every input in order, made by threads that run a result each, and one, ahead.

    Args:
        make: called by several threads at a time where there are several.
        inputs: taken as they are needed.
        workers: number of threads.
        alone: whether torch works with one thread in each of them: where the caller keeps every core busy, a second
            team of threads only makes the first one wait.
        size: of an input; fewer are worked on where their sizes together pass `most`, but always one.
        most: see `size`.
    """
    threads = torch.get_num_threads()
    with ThreadPoolExecutor(workers, initializer=partial(torch.set_num_threads, 1) if alone else None) as pool:
        waiting: deque[tuple[Future[Y], float]] = deque()
        try:
            for one in inputs:
                room = size(one)
                while waiting and sum(each for _, each in waiting) + room > most:
                    yield waiting.popleft()[0].result()
                waiting.append((pool.submit(make, one), room))
                if len(waiting) > workers + 1:
                    yield waiting.popleft()[0].result()
            while waiting:
                yield waiting.popleft()[0].result()
        finally:
            for late, _ in waiting:
                late.cancel()
            if alone:
                # What one thread sets is where torch lets the next begin.
                torch.set_num_threads(threads)
