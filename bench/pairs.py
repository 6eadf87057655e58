"""Two ways of one work, timed in turn in one process: every round, and the median of their ratios."""

from __future__ import annotations

import os
import platform
import statistics
import time
from collections.abc import Callable

import torch


def compare(names: tuple[str, str], works: tuple[Callable[[], object], Callable[[], object]], rounds: int) -> float:
    """Prints the rounds of two works, alternating, after one call of each that is not counted.

    Returns:
        The median of the ratio, first over second.
    """
    print(
        f"torch {torch.__version__}, {torch.get_num_threads()} threads, {platform.machine()}, "
        f"load {os.getloadavg()[0]:.1f}"
    )
    for work in works:
        work()
    ratios = []
    for number in range(rounds):
        first, second = (_seconds(work) for work in works)
        ratios.append(first / second)
        print(f"round {number + 1}: {names[0]} {first:.2f} s, {names[1]} {second:.2f} s, ratio {ratios[-1]:.2f}")
    print(f"median ratio {statistics.median(ratios):.2f}")
    return statistics.median(ratios)


def _seconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started
