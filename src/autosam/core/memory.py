"""Memory: what the C library keeps of it, and how its lack is told."""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import sys

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3
_LARGE, _SMALL = 1 << 30, 1 << 17
_SPARE = 8 << 20
# What torch, OpenVINO, OpenBLAS and the loader of libraries say, each in words of its own.
_WORDS = (
    "out of memory",
    "allocate memory",
    "bad_alloc",
    "bad allocation",
    "create a memory object",
    "map segment",
    "can't start new thread",
    # cuBLAS and cuDNN, and Metal.
    "status_alloc_failed",
    "invalid buffer size",
    # oneDNN has no other words where its scratch memory is refused.
    "create a primitive",
    "execute a primitive",
)


def keep_freed_memory() -> bool:
    """Lets glibc keep freed blocks for the next step; returns whether it took effect.

    By default every large tensor's pages go back to the system when it is freed, and the next step pays for getting and
    clearing them again. Elsewhere than on Linux with glibc nothing is done; nor where the process is held to less
    memory than the machine has, since what is kept counts, however full of holes it is.
    """
    if platform.system() != "Linux" or platform.libc_ver()[0] != "glibc" or _is_held():
        return False
    library = ctypes.CDLL(None)
    return bool(library.mallopt(_MMAP_THRESHOLD, _LARGE)) and bool(library.mallopt(_TRIM_THRESHOLD, _LARGE))


def give_back_freed_memory() -> None:
    """Gives freed blocks back to the system, now and from here on; undoes `keep_freed_memory`. Nothing elsewhere."""
    if platform.system() != "Linux" or platform.libc_ver()[0] != "glibc":
        return
    library = ctypes.CDLL(None)
    library.mallopt(_MMAP_THRESHOLD, _SMALL)
    library.mallopt(_TRIM_THRESHOLD, _SMALL)
    library.malloc_trim(0)


def limit_memory(most: int) -> bool:
    """Holds this process's private memory to `most` bytes; returns whether the system can.

    Past it an allocation fails, and what needed it can be given up or made smaller; without it the kernel would end
    the process, or another one. A lower limit that holds already stays.
    """
    if sys.platform != "linux":
        return False
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_DATA)
    bounds = [most, *(bound for bound in (soft, hard) if bound != resource.RLIM_INFINITY)]
    resource.setrlimit(resource.RLIMIT_DATA, (min(bounds), hard))
    return True


def check_room(count: int) -> None:
    """Takes `count` bytes, and a few more, and gives them back untouched.

    For the moment before a library takes as many that would end the process, or hang, where they are missing.

    Raises:
        MemoryError: where they cannot be had.
    """
    import numpy as np

    np.empty(count + _SPARE, np.uint8)


def _is_held() -> bool:
    import resource

    soft, _ = resource.getrlimit(resource.RLIMIT_DATA)
    return soft != resource.RLIM_INFINITY and soft < os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


def is_out_of_memory(fault: BaseException) -> bool:
    """Says whether a fault is a lack of memory, which most libraries tell in words only."""
    if isinstance(fault, MemoryError) or (isinstance(fault, OSError) and fault.errno == errno.ENOMEM):
        return True
    text = str(fault).lower()
    return isinstance(fault, RuntimeError | ImportError) and any(words in text for words in _WORDS)
