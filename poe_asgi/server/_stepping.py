"""Awaiting with the steps in view: knowing when a coroutine is about to wait, and beginning to await for another task.

A coroutine is an iterator of what it waits for. Whoever steps it sees each wait come, and may act before passing it on
to the task that runs it all.
"""

from __future__ import annotations

import asyncio
import types
from collections.abc import Awaitable, Callable, Coroutine, Generator
from contextvars import Context
from typing import Any, TypeVar

T = TypeVar("T")

# The documented way to run a step in the name of a task ("Extending asyncio"), underscores and all.
_enter_task = asyncio._enter_task  # noqa: SLF001
_leave_task = asyncio._leave_task  # noqa: SLF001


@types.coroutine
def watched(coro: Coroutine[Any, Any, T], waiting: Callable[[], None]) -> Generator[Any, Any, T]:
    """Await ``coro``, and call ``waiting`` each time that it is about to wait."""
    step, value = coro.send, None
    while True:
        try:
            wait = step(value)
        except StopIteration as end:
            return end.value  # type: ignore[no-any-return]
        waiting()
        try:
            step, value = coro.send, (yield wait)
        except BaseException as exc:  # noqa: BLE001
            step, value = coro.throw, exc


def begun(
    awaitable: Awaitable[object], task: asyncio.Task[Any], context: Context, *, inside: asyncio.Task[Any]
) -> Awaitable[None] | None:
    """Begin to await ``inside`` one task as if the other ``task`` did, which must be waiting itself meanwhile.

    None when that was all. Else the rest, which ``task`` has to await. All of it runs in ``context``. So whatever asks
    for the current task (a timeout, a cancel scope) or resets a context variable finds what it found before.
    """
    steps = awaitable.__await__()
    loop = task.get_loop()
    _leave_task(loop, inside)
    _enter_task(loop, task)
    try:
        wait = context.run(next, steps)
    except StopIteration:
        return None
    finally:
        _leave_task(loop, task)
        _enter_task(loop, inside)
    return _rest(steps, wait, context)


@types.coroutine
def _rest(steps: Generator[Any, Any, object], wait: object, context: Context) -> Generator[Any, Any, None]:
    while True:
        try:
            step, value = steps.send, (yield wait)
        except BaseException as exc:  # noqa: BLE001
            step, value = steps.throw, exc
        try:
            wait = context.run(step, value)
        except StopIteration:
            return
