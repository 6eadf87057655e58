"""A function of torch, compiled by `torch.compile` on this machine."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

import torch

from autosam.core.errors import UsageError
from autosam.core.files import place_torch_folder

P = ParamSpec("P")
R = TypeVar("R")
# Where the faults of a compilation are defined; what the function itself raises comes through as it is.
_COMPILER = ("torch._dynamo", "torch._inductor")


def compiled_by_torch(work: Callable[P, R]) -> Callable[P, R]:
    """Returns `work` compiled at its first call, and again for every other shape.

    What was compiled lies in the cache folder's `inductor`, so that a later process has less to do, and never nothing.

    Raises:
        UsageError: from the first call, where it cannot be compiled here: on a CPU without a C++ compiler above all.
    """
    place_torch_folder()
    fast = torch.compile(work, dynamic=False)

    @wraps(work)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return fast(*args, **kwargs)
        except Exception as fault:
            if not type(fault).__module__.startswith(_COMPILER):
                raise
            why = (str(fault).splitlines() or [type(fault).__name__])[0]
            raise UsageError(
                f"torch.compile does not work here: {why}",
                cure="Install a C++ compiler (g++ or clang++), or use --engine auto",
            ) from fault

    return run
