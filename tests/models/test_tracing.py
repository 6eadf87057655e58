"""A graph that is recorded knows it, and a module that runs does not."""

from __future__ import annotations

import torch

from autosam.models.tracing import is_tracing


def test_only_what_is_recorded_is_traced() -> None:
    seen: list[bool] = []

    def noted(x: torch.Tensor) -> torch.Tensor:
        seen.append(is_tracing())
        return x + 1

    noted(torch.zeros(1))
    torch.jit.trace(noted, torch.zeros(1), check_trace=False)
    noted(torch.zeros(1))
    assert seen == [False, True, False]
