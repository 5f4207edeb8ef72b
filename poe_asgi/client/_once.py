"""What comes once: the shell that all streams of answers share."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from types import TracebackType
from typing import Generic, Self, TypeVar

T = TypeVar("T")


class Stream(Generic[T]):
    """Items that are coming: an async iterable, and an async context manager that closes it.

    Nothing is sent before it is iterated. It can be iterated once; whatever way the iteration ends, the connection is
    given back.
    """

    def __init__(self, open_items: Callable[[], AsyncGenerator[T, None]]) -> None:
        self._open_items = open_items
        self._items: AsyncGenerator[T, None] | None = None
        self._started: AsyncGenerator[T, None] | None = None  # what `start` took the first item from

    def __aiter__(self) -> AsyncGenerator[T, None]:
        if self._items is None:
            self._items = self._open_items()
        return self._items

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Give the connection back, whether the answer was read to its end or not."""
        for items in (self._items, self._started):
            if items is not None:
                await items.aclose()

    async def start(self) -> Self:
        """Send what is to be sent, and wait for the first item; it is still there to be iterated. Raises as iterating.

        Where the iteration has begun, nothing happens.
        """
        if self._items is None:
            items = self._open_items()
            try:
                first = await anext(items)
            except StopAsyncIteration:
                self._items = items
            else:
                self._items, self._started = _after(first, items), items
        return self

    async def _read(self) -> None:
        async with aclosing(aiter(self)) as items:
            async for _ in items:
                pass


async def _after(first: T, items: AsyncGenerator[T, None]) -> AsyncGenerator[T, None]:
    async with aclosing(items):
        yield first
        async for item in items:
            yield item
