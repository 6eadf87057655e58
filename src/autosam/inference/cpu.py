"""What the CPU offers to this process: cores, instructions, and the memory that its container leaves it."""

from __future__ import annotations

import os
import platform
import subprocess
from pathlib import Path

# The kernel's name of each instruction set that decides how fast a network runs, in bf16 above all.
FEATURES = {"AVX2": "avx2", "AVX-512": "avx512f", "AVX-512 bf16": "avx512_bf16", "AMX bf16": "amx_bf16"}


def cores() -> int:
    """Returns the number of cores that this process may use, by its affinity and by its container's quota."""
    count = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    quota = _words(Path("/sys/fs/cgroup/cpu.max"))
    if len(quota) == 2 and quota[0].isdigit() and int(quota[1]) > 0:
        count = min(count, max(1, int(quota[0]) // int(quota[1])))
    return count


def cpu_features() -> dict[str, bool | None]:
    """Returns for each name of `FEATURES` whether this CPU has it; None where the system does not say."""
    flags: set[str] | None = None
    if platform.system() == "Linux":
        flags = linux_flags(_text(Path("/proc/cpuinfo")))
    elif platform.system() == "Darwin":
        flags = _mac_flags()
    return {name: None if flags is None else flag in flags for name, flag in FEATURES.items()}


def cpu_name() -> str:
    """Returns the model of the CPU as the system names it."""
    for line in _text(Path("/proc/cpuinfo")).splitlines():
        name, _, value = line.partition(":")
        if name.strip().lower() == "model name":
            return value.strip()
    return platform.processor()


def linux_flags(cpuinfo: str) -> set[str] | None:
    """Returns the flags of the first CPU in the text of /proc/cpuinfo; None where there are none."""
    for line in cpuinfo.splitlines():
        name, _, value = line.partition(":")
        if name.strip().lower() in ("flags", "features"):
            return set(value.split())
    return None


def memory_limit() -> tuple[int | None, int]:
    """Returns the bytes that this process's container may use (None for no limit), and those in use already.

    Pages of files that the kernel would give back count as free.
    """
    for folder, most, now, inactive in (
        (".", "memory.max", "memory.current", "inactive_file"),
        ("memory", "memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
    ):
        group = Path("/sys/fs/cgroup", folder)
        limit, used = _words(group / most), _words(group / now)
        if limit and used and limit[0].isdigit() and used[0].isdigit():
            kept = dict(line.split() for line in _text(group / "memory.stat").splitlines() if len(line.split()) == 2)
            return int(limit[0]), max(0, int(used[0]) - int(kept.get(inactive, 0)))
    return None, 0


def machine_memory() -> int:
    """Returns the bytes of memory that the machine has, or its container may use."""
    import psutil

    whole: int = psutil.virtual_memory().total
    return min(whole, memory_limit()[0] or whole)


def _mac_flags() -> set[str] | None:
    names = ["machdep.cpu.features", "machdep.cpu.leaf7_features"]
    try:
        done = subprocess.run(["sysctl", "-n", *names], capture_output=True, text=True, timeout=10, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return set(done.stdout.lower().split()) or None


def _words(file: Path) -> list[str]:
    return _text(file).split()


def _text(file: Path) -> str:
    try:
        return file.read_text("utf-8", errors="replace")
    except OSError:
        return ""
