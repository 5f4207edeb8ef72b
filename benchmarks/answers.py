"""What the benchmark bots answer. Small on purpose: every server imports it."""

from __future__ import annotations

import asyncio
import heapq
import time
from itertools import count as numbers
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

# The newest user message decides: "ready N" is answered with N tokens at once, "paced N S" with N tokens, one each S
# seconds, and these by name.
READY = {"burst": tuple(f"token{number} " for number in range(200)), "short": ("Hello!",)}
LENGTHS = (10, 1_000, 100_000)  # of "ready N", of short tokens: an answer is cut at 512,000 characters
READY.update({f"ready {length}": ("tok. ",) * length for length in LENGTHS})


def events() -> list[str]:
    """What the floor alone answers to "events", all of it in one go: food for clients."""
    return [f"token{number} " for number in range(10_000)]


def chat_tokens() -> list[str]:
    """What the model of the chat case answers to everything, a chunk each."""
    return [f"token{number} " for number in range(20_000)]


async def paced(text: str) -> AsyncGenerator[str, None]:
    """Yield the tokens of "paced N S" on a fixed schedule; the text of each is the moment it was due.

    Moments are those of `time.monotonic`, which all processes of a machine share. The schedule does not drift: a token
    that was late makes no other late.
    """
    _, count, interval = text.split()
    start = time.monotonic()
    for number in range(int(count)):
        due = start + number * float(interval)
        await _metronome.reach(due)
        yield f"{due:.6f} "


class _Metronome:
    """Wakes all paced answers of a process by one timer, which ticks once a millisecond at most.

    With a timer for each token, as `asyncio.sleep` makes one, a good part of what is measured would be timers, and the
    same for every server. Tokens of real bots come from a few connections.
    """

    TICK = 0.001

    def __init__(self) -> None:
        self._waiting: list[tuple[float, int, asyncio.Future[None]]] = []
        self._numbers = numbers()
        self._ticking = False

    def reach(self, due: float) -> asyncio.Future[None]:
        loop = asyncio.get_running_loop()
        future = loop.create_future()
        heapq.heappush(self._waiting, (due, next(self._numbers), future))
        if not self._ticking:
            self._ticking = True
            loop.call_soon(self._tick, loop)
        return future

    def _tick(self, loop: asyncio.AbstractEventLoop) -> None:
        now = time.monotonic()
        while self._waiting and self._waiting[0][0] <= now:
            future = heapq.heappop(self._waiting)[2]
            if not future.done():
                future.set_result(None)
        self._ticking = bool(self._waiting)
        if self._ticking:
            loop.call_later(max(self.TICK, self._waiting[0][0] - now), self._tick, loop)


_metronome = _Metronome()
