"""Reads one answer as Poe would, and fails the test at the first rule that is broken."""

from __future__ import annotations

from collections.abc import Collection

from .._clock import Clock
from ..client import HttpResponse
from ..errors import ConnectionFailedError, SSEError
from ..protocol import Limits, Reply, ResponseReader, StreamEvent
from ._failures import RuleBrokenError, UnexpectedAnswerError


class Listener:
    """One answer being read. ``allow`` are the ids of rules that may be broken; the time counts from now on."""

    def __init__(self, limits: Limits, clock: Clock, allow: Collection[str], disconnect_after: int | None) -> None:
        self._clock = clock
        self._allow = allow
        self._disconnect_after = disconnect_after
        self._started = clock.time()
        self._first: float | None = None
        self._events: list[StreamEvent] = []
        self._reader = ResponseReader(limits, now=self._started)
        self._seconds = 0.0

    def reply(self) -> Reply:
        """What came so far."""
        return Reply.of(self._reader, self._events, first_event_seconds=self._first, seconds=self._seconds)

    async def listen(self, response: HttpResponse) -> None:
        """Read to the end, or until it is time to leave. Raises RuleBrokenError and UnexpectedAnswerError."""
        __tracebackhide__ = True
        after = self._disconnect_after
        if after == 0:
            return
        broken: ConnectionFailedError | None = None
        try:
            async for chunk in response.chunks():
                for line in chunk.splitlines(keepends=True):  # so that it can stop after any event
                    self._take(line)
                    if after is not None and len(self._events) >= after:
                        return
        except ConnectionFailedError as exc:
            broken = exc
        except SSEError:
            pass  # the reader has noted it
        self._seconds = self._clock.time() - self._started
        self._reader.end(self._clock.time())
        self._judge(broken.__cause__ if broken is not None else None)
        if after is not None:
            raise UnexpectedAnswerError(
                f"The answer had ended after {len(self._events)} events, before the {after} of disconnect_after. "
                "Text that is ready together comes as one event."
            )

    def _take(self, line: bytes) -> None:
        __tracebackhide__ = True
        now = self._clock.time()
        events = self._reader.feed(line, now)
        self._seconds = now - self._started
        if events and self._first is None:
            self._first = self._seconds
        self._events += events
        self._judge()

    def _judge(self, cause: BaseException | None = None) -> None:
        __tracebackhide__ = True
        broken = [
            v.rule.id for v in self._reader.violations if v.rule.level == "error" and v.rule.id not in self._allow
        ]
        if broken:
            raise RuleBrokenError(tuple(broken), self.reply()) from cause
