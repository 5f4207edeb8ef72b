"""`Status`: something for the user to look at while the handler waits."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable
from typing import Generic, TypeVar

from .._clock import current_clock, until
from ..protocol import ReplaceResponse

T = TypeVar("T")

# Seconds between two ticks: lively at first, and never enough to use up the events of an answer.
_FIRST_TICKS, _LATER_TICKS, _LATER_AFTER = 1.0, 5.0, 30.0


class Status(Generic[T]):
    """A ticker that a handler yields: ``label`` and the seconds, until the awaitable has ended.

    Then the text that stood before comes back, ``result`` is what the awaitable gave, and what it raised is raised at
    the `yield`. When the handler is closed meanwhile, the awaitable is cancelled.
    """

    def __init__(self, label: str, awaitable: Awaitable[T]) -> None:
        self._label = label
        self._awaitable = awaitable
        self._task: asyncio.Future[T] | None = None

    @property
    def result(self) -> T:
        """What the awaitable gave. Raises RuntimeError before the status was yielded."""
        if self._task is None or not self._task.done():
            raise RuntimeError("This status has no result yet: yield it first.")
        return self._task.result()

    async def __aiter__(self) -> AsyncGenerator[ReplaceResponse, None]:
        clock = current_clock()
        started = clock.time()
        task = self._task = asyncio.ensure_future(self._awaitable)
        try:
            yield ReplaceResponse(self._label)
            tick = started
            while not task.done():
                tick += _FIRST_TICKS if tick - started < _LATER_AFTER else _LATER_TICKS
                try:
                    await until(tick, asyncio.wait([task]))
                except TimeoutError:
                    yield ReplaceResponse(f"{self._label} ({tick - started:.0f} s)")
            yield ReplaceResponse("")
            task.result()
        finally:
            if not task.done():
                task.cancel()
                await asyncio.wait([task])
