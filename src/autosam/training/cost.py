"""What a piece of work costs, found without doing it: operations, and the greatest memory of its tensors."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import FlopCounterMode
from torch.utils.weak import WeakIdKeyDictionary


@dataclass(frozen=True, slots=True)
class Cost:
    """The cost of a piece of work.

    Attributes:
        operations: floating-point operations of its products and convolutions, a multiplication and an addition each
            counting one.
        peak: bytes of the tensors that live at the same time at most, those that were there before left out.
    """

    operations: int
    peak: int


def cost(work: Callable[[], object], before: Iterable[torch.Tensor]) -> Cost:
    """Returns the cost of some work on tensors of the device "meta", forward and backward as it is.

    Every result is counted until nothing holds it, as torch without a compiler has it; kernels that need less for
    attention, or a workspace for convolutions, are not known here.

    Args:
        work: does it.
        before: weights, buffers and inputs, which are not counted.
    """
    watch = _Watch(before)
    with FlopCounterMode(display=False) as counter, watch:
        work()
    return Cost(counter.get_total_flops(), watch.peak)


class _Watch(TorchDispatchMode):
    """Follows the bytes of all storages that come to be while it is on."""

    def __init__(self, before: Iterable[torch.Tensor]) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.live = self.peak = 0
        self._known = WeakIdKeyDictionary()
        for tensor in before:
            self._known[tensor.untyped_storage()] = True

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        result = func(*args, **(kwargs or {}))
        for leaf in tree_leaves(result):
            if isinstance(leaf, torch.Tensor):
                self._note(leaf.untyped_storage())
        return result

    def _note(self, storage: torch.UntypedStorage) -> None:
        if storage in self._known:
            return
        self._known[storage] = True
        self.live += storage.nbytes()
        self.peak = max(self.peak, self.live)
        weakref.finalize(storage, self._gone, storage.nbytes())

    def _gone(self, size: int) -> None:
        self.live -= size
