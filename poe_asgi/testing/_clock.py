"""`ManualClock`: time that passes when a test says so."""

from __future__ import annotations

import asyncio
import heapq
import itertools
from collections.abc import Callable
from typing import Any


class _Timer:
    def __init__(self, callback: Callable[[], object]) -> None:
        self.callback: Callable[[], object] | None = callback

    def cancel(self) -> None:
        self.callback = None


class ManualClock:
    """A clock that moves only when told, for ``poe_tester(bot, clock=…)``.

    Everything that this package times follows it: limits, pings, status lines, timeouts and retries of calls to Poe,
    pauses of a scripted bot, and the seconds of a reply. What a bot times by itself, as with `asyncio.sleep`, does not.
    ``now`` is in seconds, on a scale that begins at 1000.
    """

    def __init__(self) -> None:
        self.now = 1000.0
        self._order = itertools.count()
        self._due: list[tuple[float, int, _Timer]] = []

    def time(self) -> float:
        """The seconds that have passed, and 1000."""
        return self.now

    def call_at(self, when: float, callback: Callable[..., object], /, *args: Any) -> _Timer:
        """Call it when the clock has moved to ``when``, unless what is returned is cancelled before."""
        timer = _Timer(lambda: callback(*args))
        heapq.heappush(self._due, (when, next(self._order), timer))
        return timer

    async def advance(self, seconds: float) -> None:
        """Move on, and let what is due by then, and what follows from it, happen in its order."""
        end = self.now + seconds
        await settle()
        while self._due and self._due[0][0] <= end:
            when, _, timer = heapq.heappop(self._due)
            self.now = max(self.now, when)
            if timer.callback is not None:
                timer.callback()
                await settle()
        self.now = end
        await settle()

    @property
    def armed(self) -> int:
        """How many calls are still to be made."""
        return sum(timer.callback is not None for _, _, timer in self._due)


async def settle(turns: int = 30) -> None:
    """Let the tasks run until they wait for something that is not in the loop; ``turns`` of the loop are enough."""
    for _ in range(turns):
        await asyncio.sleep(0)
