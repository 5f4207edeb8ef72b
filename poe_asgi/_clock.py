"""Where time comes from: the running event loop, or a clock that a test passed in."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from typing import Any, Protocol, TypeVar

T = TypeVar("T")


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


async def until(when: float, awaitable: Awaitable[T]) -> T:
    """What the awaitable gives. Raises TimeoutError when the current clock passes ``when`` before it does."""
    task = asyncio.current_task()
    assert task is not None
    cancelling = task.cancelling()
    expired = False

    def expire() -> None:
        nonlocal expired
        expired = True
        task.cancel()

    timer = current_clock().call_at(when, expire)
    try:
        return await awaitable
    except asyncio.CancelledError:
        if expired and task.cancelling() - 1 <= cancelling:
            raise TimeoutError from None
        raise
    finally:
        timer.cancel()
        if expired:
            task.uncancel()


async def sleep(seconds: float) -> None:
    """Sleep on the current clock."""
    clock = current_clock()
    done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def wake() -> None:
        if not done.done():
            done.set_result(None)

    timer = clock.call_at(clock.time() + seconds, wake)
    try:
        await done
    finally:
        timer.cancel()
