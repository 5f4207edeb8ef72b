"""Awaiting with the steps in view: knowing when a coroutine is about to wait, and beginning to await for another task.

A coroutine is an iterator of what it waits for. Whoever steps it sees each wait come, and may act before passing it on
to the task that runs it all.
"""

from __future__ import annotations

import asyncio
import types
from collections.abc import Awaitable, Callable, Coroutine, Generator, Iterator
from contextvars import Context
from typing import Any, NamedTuple, TypeVar

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


class Begun(NamedTuple):
    """What is left of an `Awaitable` that waits for ``wait``: to be ended with `ended`."""

    steps: Iterator[object]
    wait: object


def begun(
    awaitable: Awaitable[object], task: asyncio.Task[Any], context: Context, *, inside: asyncio.Task[Any]
) -> Begun | None:
    """Begin to await ``inside`` one task as if the other ``task`` did, which must be waiting itself meanwhile.

    None when that was all. Else the rest is for ``task`` to await, in the same ``context``. So whatever asks for the
    current task (a timeout, a cancel scope) or resets a context variable finds what it found before.
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
    return Begun(steps, wait)


@types.coroutine
def ended(rest: Begun, context: Context, thrown: BaseException | None = None) -> Generator[Any, None, None]:
    """Await the rest; or throw at it what came before that could begin."""
    steps, wait = rest
    while True:
        try:
            if thrown is None:
                yield wait
        except BaseException as exc:  # noqa: BLE001
            thrown = exc
        try:
            if thrown is None:
                wait = context.run(next, steps)
            elif throw := getattr(steps, "throw", None):
                before, thrown = thrown, None
                wait = context.run(throw, before)
            else:  # an awaitable need not have one
                raise thrown
        except StopIteration:
            return
