"""The arithmetic of a network: float32, or bfloat16 where that is fast and good enough."""

from __future__ import annotations

import contextlib

import torch

DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16}
PRECISIONS = tuple(DTYPES)


def computing(precision: str, device: torch.device) -> contextlib.AbstractContextManager[object]:
    """Returns the context in which torch multiplies in a precision; weights and sums stay in float32.

    Args:
        precision: a name of `PRECISIONS`.
        device: where it computes.
    """
    if precision == "float32":
        return contextlib.nullcontext()
    return torch.autocast(device.type, torch.bfloat16)


def exact(device: torch.device) -> contextlib.AbstractContextManager[object]:
    """Returns the context in which torch multiplies in the precision of its inputs, whatever is around it."""
    # The device "meta", on which costs are counted, has no autocast.
    known = torch.amp.is_autocast_available(device.type)
    return torch.autocast(device.type, enabled=False) if known else contextlib.nullcontext()
