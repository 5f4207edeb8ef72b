"""Trying again: the loop around the attempts of one call, for a value and for a stream."""

from __future__ import annotations

import logging
import random
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from typing import TypeVar

from .._clock import current_clock, sleep
from ..errors import UpstreamError
from ._retry import Retry

log = logging.getLogger("poe_asgi.client")

T = TypeVar("T")


class _Attempts:
    """The attempts of one call, which ``what`` describes in the log."""

    def __init__(self, retry: Retry, what: str) -> None:
        self._retry = retry
        self._what = what
        self._clock = current_clock()
        self._began = self._clock.time()
        self._failed = 0

    def pause(self, exc: UpstreamError) -> float | None:
        """Seconds to wait after this failure before the next attempt, or None: there is to be none."""
        self._failed += 1
        chance = random.random()  # noqa: S311
        pause = self._retry.pause(self._failed, exc, elapsed=self._clock.time() - self._began, chance=chance)
        if pause is not None:
            log.info("%s failed (%s); trying again in %.2f s", self._what, type(exc).__name__, pause)
        return pause


async def retried(
    retry: Retry,
    what: str,
    attempt: Callable[[], Awaitable[T]],
    *,
    repeatable: Callable[[UpstreamError], bool] = lambda _: True,
) -> T:
    """What an attempt gives, tried again as ``retry`` says. ``repeatable`` has a veto after each failure."""
    attempts = _Attempts(retry, what)
    while True:
        try:
            return await attempt()
        except UpstreamError as exc:
            pause = attempts.pause(exc) if repeatable(exc) else None
            if pause is None:
                raise
        await sleep(pause)


async def retried_stream(
    retry: Retry, what: str, attempt: Callable[[], AsyncGenerator[T, None]]
) -> AsyncGenerator[T, None]:
    """What an attempt yields; one that failed before it yielded anything is tried again as ``retry`` says."""
    attempts = _Attempts(retry, what)
    while True:
        begun = False
        try:
            async with aclosing(attempt()) as items:
                async for item in items:
                    begun = True
                    yield item
        except UpstreamError as exc:
            pause = None if begun else attempts.pause(exc)
            if pause is None:
                raise
        else:
            return
        await sleep(pause)
