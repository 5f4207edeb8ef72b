"""The end of a handler that was stopped: time to clean up, one more cancellation, and then it is abandoned."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from .._clock import Clock

# Handlers that ignored every cancellation; the loop itself holds tasks only weakly.
abandoned: set[asyncio.Task[None]] = set()

# Turns of the loop that a cancellation takes through tasks that await each other.
_UNWINDING = 5


class Patience:
    """Calls ``over`` after ``seconds``, in which others could do their part.

    When something blocked the loop meanwhile they could not: then they have as many seconds again, once.
    """

    __slots__ = ("_clock", "_over", "_seconds", "_timer")

    def __init__(self, clock: Clock, seconds: float, over: Callable[[], None]) -> None:
        self._clock = clock
        self._seconds = seconds
        self._over = over
        due = clock.time() + seconds
        self._timer = clock.call_at(due, self._look, due)

    def cancel(self) -> None:
        self._timer.cancel()

    def _look(self, due: float) -> None:
        now = self._clock.time()
        if now - due < self._seconds / 2:
            self._over()
        else:
            self._timer = self._clock.call_at(now + self._seconds, self._over)


class Ending:
    """Watches a task that has been told to end. ``on_abandoned`` is called when it does not within ``seconds``."""

    __slots__ = ("_on_abandoned", "_patience", "_task")

    def __init__(
        self, task: asyncio.Task[None], clock: Clock, seconds: float, on_abandoned: Callable[[], None]
    ) -> None:
        self._task = task
        self._on_abandoned = on_abandoned
        self._patience = Patience(clock, seconds, self._insist)

    def over(self) -> None:
        """The task has ended."""
        self._patience.cancel()

    def _insist(self) -> None:
        """The time to clean up is over: cancel what still runs, and look again when that had its effect."""
        if not self._task.done():
            self._task.cancel()
            self._look_after(_UNWINDING)

    def _look_after(self, turns: int) -> None:
        if turns:
            self._task.get_loop().call_soon(self._look_after, turns - 1)
        elif not self._task.done():
            abandoned.add(self._task)
            self._task.add_done_callback(abandoned.discard)
            self._on_abandoned()
