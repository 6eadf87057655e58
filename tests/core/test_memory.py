"""What a process keeps of freed memory, and what a limit makes of that; each in a process of its own."""

from __future__ import annotations

import platform
import subprocess
import sys

import pytest

from autosam.core.memory import is_out_of_memory

pytestmark = pytest.mark.skipif(
    platform.system() != "Linux" or platform.libc_ver()[0] != "glibc", reason="the C library is not glibc"
)

_BEGINNING = """
import ctypes
from autosam.core.memory import give_back_freed_memory, keep_freed_memory, limit_memory
libc = ctypes.CDLL(None)
libc.malloc.restype = ctypes.c_void_p
libc.free.argtypes = [ctypes.c_void_p]
MEBI = 1 << 20
def data():
    line = next(line for line in open("/proc/self/status") if line.startswith("VmData"))
    return int(line.split()[1]) >> 10
def use(count):
    blocks = [libc.malloc(4 * MEBI) for _ in range(count)]
    assert all(blocks), "no memory"
    for block in blocks:
        libc.free(block)
before = data()
"""


def _run(text: str) -> str:
    done = subprocess.run([sys.executable, "-c", _BEGINNING + text], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_freed_memory_is_kept_until_it_is_given_back() -> None:
    said = _run(
        "kept = keep_freed_memory(); use(50); held = data() - before; give_back_freed_memory(); use(50)\n"
        "print(kept, held > 150, data() - before < 20)"
    )
    assert said.split() == ["True"] * 3


def test_under_a_limit_nothing_is_kept() -> None:
    said = _run(
        "limited = limit_memory(600 * MEBI); kept = keep_freed_memory(); use(50)\n"
        "print(limited, kept, data() - before < 20)"
    )
    assert said.split() == ["True", "False", "True"]


def test_a_lack_of_room_is_an_error_before_a_library_meets_it() -> None:
    said = _run(
        "from autosam.core.memory import check_room\n"
        "check_room(0); before = data()\n"
        "limit_memory((before + 100) * MEBI); check_room(50 * MEBI); held = data() - before\n"
        "try:\n    check_room(200 * MEBI)\nexcept MemoryError:\n    print('told', held < 20)"
    )
    assert said.split() == ["told", "True"]


@pytest.mark.parametrize(
    ("said", "lacking"),
    [
        ("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`", True),
        ("cuDNN error: CUDNN_STATUS_ALLOC_FAILED", True),
        ("Invalid buffer size: 12.00 GiB", True),
        ("mat1 and mat2 shapes cannot be multiplied", False),
    ],
)
def test_what_libraries_of_accelerators_say_is_known(said: str, lacking: bool) -> None:
    assert is_out_of_memory(RuntimeError(said)) == lacking
