"""Ctrl-C and SIGTERM as a KeyboardInterrupt that leaves no lock taken behind."""

from __future__ import annotations

import signal
import threading
from types import FrameType

# Written in Python: an interrupt between the taking of a lock and what gives it back leaves a thread waiting forever.
_LOCKING = ("threading", "concurrent.futures._base", "concurrent.futures.thread", "queue")
# Where they only wait, they are ready for it.
_WAITING = ("wait", "_wait_for_tstate_lock")
_AGAIN_SECONDS = 0.001


def interruptible() -> None:
    """Lets Ctrl-C and SIGTERM interrupt the main thread, a moment later where threads are about to take a lock.

    Ctrl-C stays ignored where whoever started the process wants that. Does nothing in another thread.
    """
    if threading.current_thread() is not threading.main_thread():
        return
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, interrupt)
    for number in (signal.SIGTERM, signal.SIGALRM):
        signal.signal(number, interrupt)


def interrupt(number: int, frame: FrameType | None) -> None:
    """Handles a signal: raises KeyboardInterrupt, or has the signal come again where it would harm."""
    if frame is not None and frame.f_globals.get("__name__") in _LOCKING and frame.f_code.co_name not in _WAITING:
        signal.setitimer(signal.ITIMER_REAL, _AGAIN_SECONDS)
        return
    raise KeyboardInterrupt
