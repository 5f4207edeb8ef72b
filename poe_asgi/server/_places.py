"""Places for queries that run at the same time, and the queue before them: first come, first served."""

from __future__ import annotations

import asyncio
from collections import Counter, deque

from .._clock import Clock


class Place:
    """One query's claim to a place."""

    __slots__ = ("is_held", "turn")

    def __init__(self) -> None:
        self.is_held = False
        self.turn: asyncio.Future[bool] | None = None  # of one that waits: whether it came


class Places:
    """The places on one event loop. ``total`` or ``per_user`` None means that there is no such limit."""

    def __init__(self, *, total: int | None, per_user: int | None, queue: int, seconds: float) -> None:
        self._total = total
        self._per_user = per_user
        self._room = queue
        self._seconds = seconds
        self.taken = 0
        self.waiting: deque[Place] = deque()
        self.of_user: Counter[str] = Counter()  # those who have a place or wait for one

    def admit_user(self, user: str) -> bool:
        """Count one more of this user, unless he has as many as he may."""
        if self._per_user is not None and user:
            if self.of_user[user] >= self._per_user:
                return False
            self.of_user[user] += 1
        return True

    def forget_user(self, user: str) -> None:
        """Take back what `admit_user` counted."""
        if self._per_user is not None and user:
            self.of_user[user] -= 1
            if not self.of_user[user]:
                del self.of_user[user]

    async def take(self, place: Place, clock: Clock) -> bool:
        """Whether there was a place, at once or after waiting for it."""
        if self._total is None:
            return True
        if self.taken < self._total:  # then nobody waits
            self._hold(place)
            return True
        if len(self.waiting) >= self._room:
            return False
        turn: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        place.turn = turn
        self.waiting.append(place)
        timer = clock.call_at(clock.time() + self._seconds, _give_up, turn)
        try:
            return await turn
        finally:
            timer.cancel()
            if place in self.waiting:
                self.waiting.remove(place)

    def give_back(self, place: Place) -> None:
        """The query is over, if it ever had a place; those who wait move up."""
        if not place.is_held or self._total is None:
            return
        place.is_held = False
        self.taken -= 1
        while self.waiting and self.taken < self._total:
            first = self.waiting.popleft()
            if first.turn is not None and not first.turn.done():  # it has neither left nor given up just now
                self._hold(first)
                first.turn.set_result(True)

    def _hold(self, place: Place) -> None:
        place.is_held = True
        self.taken += 1


def _give_up(turn: asyncio.Future[bool]) -> None:
    if not turn.done():
        turn.set_result(False)
