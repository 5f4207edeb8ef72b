"""SIGTERM and SIGINT begin the draining of every app in the process, ahead of the server's own handling.

Servers tell an app of their shutdown only when its answers have ended. So the handler they installed is wrapped while
an app runs, and restored afterwards. A server in another thread gets no signals; `drain` is there for it.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any
from weakref import WeakSet

from ._site import Site

_SIGNALS = (signal.SIGTERM, signal.SIGINT)

sites: WeakSet[Site] = WeakSet()
_stopped: WeakSet[Site] = WeakSet()  # by a signal
_users = 0
_undo: list[Callable[[], None]] = []


@contextmanager
def watched() -> Iterator[None]:
    """Watch the signals while inside. Counted; does nothing outside the main thread."""
    global _users
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    if not _users:
        while _stopped:
            _stopped.pop().draining = False  # a process may serve its apps more than once
        _undo[:] = [_wrap(number) for number in _SIGNALS]
    _users += 1
    try:
        yield
    finally:
        _users -= 1
        while not _users and _undo:
            _undo.pop()()


def _wrap(number: int) -> Callable[[], None]:
    before = signal.getsignal(number)
    if not callable(before):  # SIG_DFL would end the process, and an unknown handler cannot be restored
        return lambda: None

    def handle(signum: int, frame: FrameType | None) -> Any:
        for site in list(sites):
            _stopped.add(site)
            site.drain_soon()
        return before(signum, frame)

    signal.signal(number, handle)

    def undo() -> None:
        if signal.getsignal(number) is handle:
            signal.signal(number, before)

    return undo
