"""What the bots of one app have in common: fallback keys, the draining state, and the answers that are running."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from ..protocol import ErrorEvent
from ._driver import Driver
from ._keys import Keys, as_keys

if TYPE_CHECKING:
    from ._attended import Attendance

RESTARTING = ErrorEvent(text="The bot is being restarted. Please try again.", allow_retry=True)


class Site:
    """One app. Its answers may run on several loops, each in a thread of its own."""

    def __init__(
        self,
        *,
        access_key: Keys,
        allow_without_key: bool,
        drain_seconds: float,
        attendance: Attendance | None = None,
    ) -> None:
        self.access_keys = as_keys(access_key, "create_app")
        self.allow_without_key = allow_without_key
        self.drain_seconds = drain_seconds
        self.attendance = attendance  # None: every query is let in, and nobody watches
        self.draining = False
        self.answers: set[Driver] = set()
        self._idle: set[tuple[asyncio.AbstractEventLoop, asyncio.Future[None]]] = set()

    def enter(self, driver: Driver) -> None:
        """An answer begins."""
        self.answers.add(driver)
        if self.draining:  # since it was let in, in another thread
            driver.end_after(self.drain_seconds, RESTARTING)

    def leave(self, driver: Driver) -> None:
        """An answer is over."""
        self.answers.discard(driver)
        if not self.answers:
            for loop, future in list(self._idle):
                with suppress(RuntimeError):  # its loop is closed
                    loop.call_soon_threadsafe(_resolve, future)

    def drain_soon(self) -> None:
        """Begin to drain, from any thread or a signal handler: no new answers, and an end for those that run."""
        if self.draining:
            return
        self.draining = True
        for driver in list(self.answers):
            with suppress(RuntimeError):  # its loop is closed
                driver.loop.call_soon_threadsafe(driver.end_after, self.drain_seconds, RESTARTING)

    async def drain(self) -> None:
        """Begin to drain, and wait until the last answer has ended."""
        self.drain_soon()
        loop = asyncio.get_running_loop()
        waiter = loop, loop.create_future()
        self._idle.add(waiter)
        try:
            if self.answers:
                await waiter[1]
        finally:
            self._idle.discard(waiter)


def _resolve(future: asyncio.Future[Any]) -> None:
    if not future.done():
        future.set_result(None)
