from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest
import torch

from autosam.core.ahead import ahead


@pytest.mark.parametrize("workers", [1, 3])
def test_results_come_in_order_and_few_are_made_before_their_use(workers: int) -> None:
    taken: list[int] = []

    def inputs() -> Iterator[int]:
        for number in range(20):
            taken.append(number)
            yield number

    def make(number: int) -> int:
        time.sleep(0.002 * (number % 3))
        return number * number

    for index, made in enumerate(ahead(make, inputs(), workers=workers)):
        assert made == index * index
        assert len(taken) <= index + workers + 2
    assert len(taken) == 20


def test_threads_work_at_the_same_time() -> None:
    meeting = threading.Barrier(3, timeout=20)
    assert len([meeting for _ in ahead(lambda _: meeting.wait(), range(3), workers=3)]) == 3


@pytest.mark.parametrize("threads", [1, 2])
def test_a_thread_that_works_alone_has_one_of_torchs_and_leaves_the_caller_its_own(threads: int) -> None:
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        assert set(ahead(lambda _: torch.get_num_threads(), range(6), workers=2, alone=True)) == {1}
        assert torch.get_num_threads() == threads
        assert set(ahead(lambda _: torch.get_num_threads(), range(6))) == {threads}
        stopped = ahead(lambda _: torch.get_num_threads(), range(6), alone=True)
        next(stopped)
        stopped.close()
        assert set(ahead(lambda _: torch.get_num_threads(), range(2))) == {threads}
    finally:
        torch.set_num_threads(before)


def test_a_fault_ends_it() -> None:
    def make(number: int) -> int:
        if number == 2:
            raise ValueError("two")
        return number

    with pytest.raises(ValueError, match="two"):
        list(ahead(make, range(50), workers=2))


def test_large_inputs_are_worked_on_one_at_a_time() -> None:
    running, most = 0, 0
    lock = threading.Lock()

    def make(number: int) -> int:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        time.sleep(0.005)
        with lock:
            running -= 1
        return number

    assert list(ahead(make, range(8), workers=3, size=lambda _: 6, most=5)) == list(range(8))
    assert most == 1
    assert list(ahead(make, range(8), workers=3, size=lambda _: 2, most=5)) == list(range(8))
    assert most == 2
