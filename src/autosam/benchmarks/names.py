"""The table of benchmarks by name."""

from __future__ import annotations

from autosam.benchmarks.benchmark import Benchmark
from autosam.benchmarks.glas import GLAS
from autosam.benchmarks.monuseg import MONUSEG
from autosam.benchmarks.polyps import POLYPS
from autosam.benchmarks.sunseg import SUNSEG

BENCHMARKS: dict[str, Benchmark] = {benchmark.name: benchmark for benchmark in (GLAS, MONUSEG, POLYPS, SUNSEG)}
