"""Memory: what the C library keeps of it, and how its lack is told."""

from __future__ import annotations

import ctypes
import platform

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3
_LARGE = 1 << 30


def keep_freed_memory() -> bool:
    """Lets glibc keep freed blocks for the next step; returns whether it took effect.

    By default every large tensor's pages go back to the system when it is freed, and the next step pays for getting and
    clearing them again. Elsewhere than on Linux with glibc nothing is done.
    """
    if platform.system() != "Linux" or platform.libc_ver()[0] != "glibc":
        return False
    library = ctypes.CDLL(None)
    return bool(library.mallopt(_MMAP_THRESHOLD, _LARGE)) and bool(library.mallopt(_TRIM_THRESHOLD, _LARGE))


def is_out_of_memory(fault: BaseException) -> bool:
    """Says whether a fault is a lack of memory, which torch tells in words only."""
    if isinstance(fault, MemoryError):
        return True
    text = str(fault)
    return isinstance(fault, RuntimeError) and ("out of memory" in text or "can't allocate memory" in text)
