"""What a call leaves of torch as it found it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch

from autosam.core.caller import unchanged


@pytest.fixture(autouse=True)
def _threads() -> Iterator[None]:
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


@pytest.mark.parametrize("fault", [None, ValueError, KeyboardInterrupt])
def test_threads_and_random_numbers_are_the_callers(fault: type[BaseException] | None) -> None:
    torch.set_num_threads(2)
    torch.manual_seed(5)
    wanted = torch.rand(3)
    torch.manual_seed(5)
    try:
        with unchanged():
            torch.set_num_threads(1)
            torch.manual_seed(0)
            torch.rand(7)
            if fault is not None:
                raise fault
    except (ValueError, KeyboardInterrupt):
        assert fault is not None
    assert torch.get_num_threads() == 2
    assert torch.equal(torch.rand(3), wanted)
