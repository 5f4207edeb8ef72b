"""The entrance of an app: `Admission` put to work, query by query."""

from __future__ import annotations

import asyncio
import threading
from dataclasses import dataclass
from weakref import WeakKeyDictionary

from .._clock import current_clock
from ..errors import AnswerError
from ._admission import Admission
from ._lifespan import when_bots_stop
from ._places import Place, Places
from ._rates import Counts, Rates


@dataclass(frozen=True, slots=True)
class Refusal:
    """A query that is not let in: the ``limit`` it is above, and what its user reads."""

    limit: str
    error: AnswerError


class Entrance:
    """One app's. Its places and connections belong to an event loop; an app that runs on several has them on each."""

    def __init__(self, admission: Admission) -> None:
        self.admission = admission
        has_rates = admission.rate_per_user is not None or admission.rate_per_bot is not None
        self._rates = Rates(admission) if has_rates else None
        self._on_loop: WeakKeyDictionary[asyncio.AbstractEventLoop, tuple[Places, Counts | None]] = WeakKeyDictionary()
        self._lock = threading.Lock()

    def visit(self, *, user: str, bot: str) -> Visit:
        """The visit of one query, on the running loop."""
        places, counts = self._here()
        return Visit(self.admission, places, counts, user=user, bot=bot)

    def _here(self) -> tuple[Places, Counts | None]:
        loop = asyncio.get_running_loop()
        with self._lock:
            here = self._on_loop.get(loop)
            if here is None:
                here = self._on_loop[loop] = self._open()
        return here

    def _open(self) -> tuple[Places, Counts | None]:
        limits = self.admission
        places = Places(
            total=limits.queries, per_user=limits.queries_per_user, queue=limits.queue, seconds=limits.queue_seconds
        )
        counts = Counts(self._rates) if self._rates is not None else None
        if counts is not None:
            when_bots_stop(self._close)
        return places, counts

    async def _close(self) -> None:
        _, counts = self._on_loop.pop(asyncio.get_running_loop())
        if counts is not None:
            await counts.aclose()


class Visit:
    """One query from its coming to its end."""

    __slots__ = ("_admission", "_bot", "_counts", "_is_counted", "_place", "_places", "_user")

    def __init__(self, admission: Admission, places: Places, counts: Counts | None, *, user: str, bot: str) -> None:
        self._admission = admission
        self._places = places
        self._counts = counts
        self._user = user
        self._bot = bot
        self._place = Place()
        self._is_counted = False  # for its user

    async def enter(self) -> Refusal | None:
        """Wait to be let in; what is refused is refused as soon as that is known."""
        if not self._places.admit_user(self._user):
            return self._refused("queries_per_user")
        self._is_counted = True
        if self._counts is not None:
            limit = await self._counts.exceeded(user=self._user, bot=self._bot)
            if limit is not None:
                return self._refused(limit)
        if not await self._places.take(self._place, current_clock()):
            return self._refused("queries")
        return None

    def leave(self) -> None:
        """Free what this visit takes up. May be called at any time, and again."""
        self._places.give_back(self._place)
        if self._is_counted:
            self._is_counted = False
            self._places.forget_user(self._user)

    def _refused(self, limit: str) -> Refusal:
        self.leave()
        limits = self._admission
        return Refusal(limit, limits.too_often if limit.endswith("per_user") else limits.busy)
