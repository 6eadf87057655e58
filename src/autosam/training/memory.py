"""Work that is done with fewer images at a time where memory is too short."""

from __future__ import annotations

import gc
from collections.abc import Callable
from concurrent.futures import Future
from threading import Thread
from typing import TypeVar

from autosam.core.errors import ResourceError
from autosam.core.memory import give_back_freed_memory, is_out_of_memory

T = TypeVar("T")


def within_memory(
    work: Callable[[int | None], T], batch: int, micro_batch: int | None, smaller: Callable[[int], None]
) -> T:
    """Returns what `work` makes of `micro_batch` images at a time, or of half as many after each lack of memory.

    Fewer images than the batch go through in a thread of their own: in one where memory once was too short, oneDNN
    cannot make anything new for good.

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
            return work(None) if micro_batch is None else _apart(work, micro_batch)
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


def _apart(work: Callable[[int | None], T], images: int) -> T:
    """Returns what `work` makes of so many images, in a thread of its own."""
    made: Future[T] = Future()

    def run() -> None:
        try:
            made.set_result(work(images))
        except BaseException as fault:
            made.set_exception(fault)

    # A second Ctrl-C ends the process, whatever the thread is at.
    Thread(target=run, daemon=True).start()
    return made.result()
