"""Where time comes from: the running event loop, or a clock that a test passed in."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any, Protocol


class Timer(Protocol):
    """A callback that is due; `cancel` may be called at any time."""

    def cancel(self) -> None: ...


class Clock(Protocol):
    """What an event loop offers as a clock: seconds on a scale of its own, and callbacks at a time on that scale."""

    def time(self) -> float: ...

    def call_at(self, when: float, callback: Callable[..., object], /, *args: Any) -> Timer: ...


passed_in: ContextVar[Clock | None] = ContextVar("poe_asgi_clock", default=None)


def current_clock() -> Clock:
    """The clock passed in by way of the context, else the running loop."""
    return passed_in.get() or asyncio.get_running_loop()
