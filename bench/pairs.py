"""Several ways of one work, timed in turn in one process."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping

import torch

from bench.machine import load

Work = Callable[[], object]

_LEAST_SECONDS = 1.0


def alternate(
    works: Mapping[str, Work], rounds: int, least_seconds: float = _LEAST_SECONDS
) -> tuple[dict[str, list[float]], list[float]]:
    """Times works in turn, after one call of each that is not counted; says every round as it ends.

    Args:
        works: by name, in the order of each round.
        rounds: how often each is timed.
        least_seconds: what a work takes less than is repeated within a round, and the mean counts.

    Returns:
        The seconds of each work's rounds, and the machine's load at the end of each round.
    """
    counts = {}
    for name, work in works.items():
        first = _seconds(work, 1)
        again = first if first > least_seconds else _seconds(work, 1)
        counts[name] = max(1, round(least_seconds / max(again, 1e-6)))
        print(f"  warm-up: {name} {again:.3f} s", flush=True)
    seconds: dict[str, list[float]] = {name: [] for name in works}
    loads = []
    for number in range(1, rounds + 1):
        for name, work in works.items():
            seconds[name].append(_seconds(work, counts[name]))
        loads.append(load())
        row = ", ".join(f"{name} {taken[-1]:.3f} s" for name, taken in seconds.items())
        print(f"  round {number} of {rounds}: {row}; load {loads[-1]:.1f}", flush=True)
    return seconds, loads


def ratios(baseline: list[float], ours: list[float]) -> list[float]:
    """Returns how many times as long the baseline took, round by round."""
    return [first / second for first, second in zip(baseline, ours, strict=True)]


def compare(names: tuple[str, str], works: tuple[Work, Work], rounds: int) -> float:
    """Prints the rounds of two works, alternating; returns the median ratio, first over second."""
    print(f"torch {torch.__version__}, {torch.get_num_threads()} threads, load {load():.1f}")
    seconds, _ = alternate(dict(zip(names, works, strict=True)), rounds)
    median = statistics.median(ratios(seconds[names[0]], seconds[names[1]]))
    print(f"median ratio {median:.2f}")
    return median


def _seconds(work: Work, times: int) -> float:
    started = time.perf_counter()
    for _ in range(times):
        work()
    return (time.perf_counter() - started) / times
