"""Work that is done with fewer images at a time where memory is too short."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

import torch

from autosam.core.errors import ResourceError
from autosam.core.memory import give_back_freed_memory, is_out_of_memory

T = TypeVar("T")


def within_memory(
    work: Callable[[int | None], T], batch: int, micro_batch: int | None, smaller: Callable[[int], None]
) -> T:
    """Returns what `work` makes of `micro_batch` images at a time, or of half as many after each lack of memory.

    Fewer images than the batch go through without oneDNN, more slowly: it writes machine code for every shape, which
    takes memory, and where it lacked that once it crashes or refuses everything new for good.

    Args:
        work: given the images at a time; None for the whole batch.
        batch: images a step.
        micro_batch: images at a time to begin with.
        smaller: told the new number before each further try.

    Raises:
        ResourceError: where even one image at a time is too much.
    """
    while True:
        try:
            if micro_batch is None:
                return work(None)
            with _without_onednn():
                return work(micro_batch)
        except (MemoryError, RuntimeError) as fault:
            if not is_out_of_memory(fault):
                raise
            now = micro_batch or batch
            if now == 1:
                raise ResourceError(
                    "out of memory even with one image at a time",
                    cure="Close other programs, or give a smaller --size; the run goes on with --resume",
                ) from None
        # Only now is the failed step's memory free: the fault held its frames, and these the fault.
        gc.collect()
        give_back_freed_memory()
        micro_batch = (now + 1) // 2
        smaller(micro_batch)


@contextmanager
def _without_onednn() -> Iterator[None]:
    # torch types this switch as the descriptor behind it, and `set_flags` not at all; `flags` sets the precision of
    # products too, which warns on every CPU.
    before = torch.backends.mkldnn.enabled
    torch.backends.mkldnn.enabled = False  # type: ignore[assignment]
    try:
        yield
    finally:
        torch.backends.mkldnn.enabled = before
