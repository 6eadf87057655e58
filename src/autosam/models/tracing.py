"""Whether a graph of a network is being recorded, and not only run."""

from __future__ import annotations

import torch


def is_tracing() -> bool:
    """Tells whether a graph is being recorded, which should hold each step once and whole."""
    return bool(torch.jit.is_tracing())  # type: ignore[attr-defined, no-untyped-call]
