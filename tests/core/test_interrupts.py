"""An interrupt comes at once, but not while a lock is being taken."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from autosam.core.interrupts import interrupt, interruptible


@pytest.fixture(autouse=True)
def _handlers() -> Iterator[None]:
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGALRM)
    before = {number: signal.getsignal(number) for number in numbers}
    # A shell starts what runs in its background with Ctrl-C ignored.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.setitimer(signal.ITIMER_REAL, 0)
    for number, handler in before.items():
        signal.signal(number, handler)


def _frame(module: str, function: str) -> Any:
    return SimpleNamespace(f_globals={"__name__": module}, f_code=SimpleNamespace(co_name=function))


@pytest.mark.parametrize(
    ("module", "function"), [("autosam.core.ahead", "ahead"), ("threading", "wait"), ("numpy", "__enter__")]
)
def test_it_comes_at_once(module: str, function: str) -> None:
    with pytest.raises(KeyboardInterrupt):
        interrupt(signal.SIGINT, _frame(module, function))


@pytest.mark.parametrize(
    ("module", "function"), [("threading", "__enter__"), ("concurrent.futures.thread", "submit"), ("queue", "put")]
)
def test_it_comes_a_moment_later_where_a_lock_is_taken(module: str, function: str) -> None:
    interruptible()
    with pytest.raises(KeyboardInterrupt):
        interrupt(signal.SIGINT, _frame(module, function))
        assert signal.getitimer(signal.ITIMER_REAL)[0] > 0, "not at once"
        time.sleep(10)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_process_can_be_interrupted(number: signal.Signals) -> None:
    interruptible()
    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(number)
        time.sleep(10)


def test_what_is_ignored_stays_ignored() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    interruptible()
    assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN


def test_another_thread_changes_no_handlers() -> None:
    before = signal.getsignal(signal.SIGTERM)
    thread = threading.Thread(target=interruptible)
    thread.start()
    thread.join()
    assert signal.getsignal(signal.SIGTERM) is before
