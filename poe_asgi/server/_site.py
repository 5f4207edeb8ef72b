"""What the bots of one app have in common: fallback keys, the draining state, and the answers that are running."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING

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
        self.answers: set[Driver] = set()  # looked at in a copy: they come and go in other threads
        self._waits: set[_Wait] = set()

    def enter(self, driver: Driver) -> None:
        """An answer begins."""
        self.answers.add(driver)
        if self.draining:  # since it was let in, in another thread
            driver.end_after(self.drain_seconds, RESTARTING)

    def leave(self, driver: Driver) -> None:
        """An answer is over."""
        self.answers.discard(driver)
        for wait in list(self._waits):
            if not any(wait.concerns(other) for other in list(self.answers)):
                wait.over()

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
        await self._ended(_Wait())

    async def end_here(self) -> None:
        """End what still runs on this loop, and wait until it has ended; not for a sender that nothing can stop."""
        here = _Wait(only_here=True)
        drivers = [driver for driver in list(self.answers) if here.concerns(driver)]
        for driver in drivers:
            if not driver.finished:
                driver.end(RESTARTING)
        if drivers:
            with suppress(TimeoutError):
                async with asyncio.timeout(max(driver.limits.close_seconds for driver in drivers) * 2 + 1):
                    await self._ended(here)

    async def _ended(self, wait: _Wait) -> None:
        self._waits.add(wait)
        try:
            if any(wait.concerns(driver) for driver in list(self.answers)):
                await wait.future
        finally:
            self._waits.discard(wait)


class _Wait:
    """Somebody on the running loop waits for the end of all answers, or ``only_here``, of those on the same loop."""

    def __init__(self, *, only_here: bool = False) -> None:
        self._loop = asyncio.get_running_loop()
        self._only_here = only_here
        self.future: asyncio.Future[None] = self._loop.create_future()

    def concerns(self, driver: Driver) -> bool:
        return driver.loop is self._loop or not self._only_here

    def over(self) -> None:
        """From any thread."""
        with suppress(RuntimeError):  # its loop is closed
            self._loop.call_soon_threadsafe(self._resolve)

    def _resolve(self) -> None:
        if not self.future.done():
            self.future.set_result(None)
