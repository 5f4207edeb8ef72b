"""Telling of a call to another bot or model: when it starts, and how it ends."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing
from dataclasses import replace
from typing import Any, Literal, TypeVar

from .._clock import current_clock
from .._watch import CallWatch, UpstreamCall, UpstreamEnd, call_watch
from ._connection import Connection

T = TypeVar("T")


def watched_call(
    api: Literal["bot", "model"],
    name: str,
    connection: Connection,
    answer: Callable[[Connection], AsyncGenerator[T, None]],
    told: Callable[[], Mapping[str, Any]] = dict,
) -> AsyncGenerator[T, None]:
    """What ``answer`` yields over the connection, which carries the headers of whoever watches, if somebody does.

    ``told`` gives the fields of `UpstreamEnd` that only the answer knows.
    """
    watch = call_watch.get()
    if watch is None:
        return answer(connection)
    return _watched(watch, UpstreamCall(api, name), connection, answer, told)


async def _watched(
    watch: CallWatch,
    call: UpstreamCall,
    connection: Connection,
    answer: Callable[[Connection], AsyncGenerator[T, None]],
    told: Callable[[], Mapping[str, Any]],
) -> AsyncGenerator[T, None]:
    clock = current_clock()
    started = clock.time()
    first: float | None = None
    error: str | None = None
    headers = watch.call_started(call)
    try:
        async with aclosing(answer(replace(connection, headers=headers))) as items:
            async for item in items:
                if first is None:
                    first = clock.time() - started
                yield item
    except GeneratorExit:
        raise
    except BaseException as exc:
        error = type(exc).__name__
        raise
    finally:
        seconds = clock.time() - started
        watch.call_ended(call, UpstreamEnd(seconds=seconds, first_seconds=first, error=error, **told()))
