"""What of torch is the caller's: its threads and its random numbers."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator

import torch


@contextlib.contextmanager
def unchanged() -> Iterator[None]:
    """Puts torch's number of threads and its random state, that of a GPU in use too, back as they were, at any end.

    Building a network draws its first weights, even where a checkpoint fills it next: without this a notebook's own
    numbers would depend on whether a model was opened before.
    """
    threads, state = torch.get_num_threads(), torch.get_rng_state()
    # To ask for the state of a GPU that nobody has used would start it.
    in_use: Callable[[], bool] = torch.cuda.is_initialized
    states = torch.cuda.get_rng_state_all() if in_use() else []
    try:
        yield
    finally:
        torch.set_rng_state(state)
        if states:
            torch.cuda.set_rng_state_all(states)
        if torch.get_num_threads() != threads:
            torch.set_num_threads(threads)
