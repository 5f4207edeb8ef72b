"""The driver of one answer: the only place where time passes.

Two tasks take part. The request's task sends: it asks `take` for what is ready, and waits with `wait` when nothing is.
The handler's task runs the `Pump`; the driver starts it, stops it and sees to its end: it is cancelled when the answer
ends before the handler does, has ``close_seconds`` to clean up, is cancelled once more and then abandoned, by name.
One timer serves the deadline and the pings; an answer that never waits never wakes for it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterable, Callable
from typing import Protocol

from .._clock import Timer, current_clock
from ..errors import LimitError, ResponseError
from ..protocol import PING, ErrorEvent, Item, Limits, Meta, ResponseWriter, State
from ._pump import Pump, Stopped

log = logging.getLogger("poe_asgi.server")

# Handlers that ignored every cancellation; the loop itself holds tasks only weakly.
abandoned: set[asyncio.Task[None]] = set()


class Reporter(Protocol):
    """Turns what went wrong into the event the user sees, and logs the rest."""

    def failed(self, exc: BaseException) -> ErrorEvent: ...

    def ended(self, rule: str, message: str) -> ErrorEvent: ...

    def too_late(self, exc: BaseException) -> None: ...

    def text_sum(self) -> None: ...

    def abandoned(self, seconds: float) -> None: ...


class Driver:
    """``handle`` makes the handler's generator; ``started`` is when the request came, on the current clock."""

    __slots__ = (
        "_clock",
        "_closing",
        "_draining",
        "_giving_up",
        "_handle",
        "_held",
        "_limits",
        "_ping_due",
        "_pump",
        "_reporter",
        "_sender",
        "_sent",
        "_task",
        "_timer",
        "_waiter",
        "_writer",
        "finished",
        "fresh",
        "gone",
        "loop",
    )

    def __init__(
        self,
        handle: Callable[[], AsyncIterable[Item]],
        *,
        meta: Meta,
        limits: Limits,
        reporter: Reporter,
        started: float,
    ) -> None:
        self._handle = handle
        self._limits = limits
        self._reporter = reporter
        self.loop = asyncio.get_running_loop()
        self._clock = current_clock()
        self._writer = ResponseWriter(limits, now=started)
        self._writer.open(meta)
        self._pump = Pump(self._writer, ready=self._wake, end=self._limit)
        self._task: asyncio.Task[None] | None = None
        self._sender: asyncio.Task[object] | None = None
        self._waiter: asyncio.Future[None] | None = None
        self._timer: Timer | None = None  # the deadline, or a ping before it
        self._draining: Timer | None = None
        self._closing: Timer | None = None
        self._giving_up: Timer | None = None
        self._held: tuple[float, Timer] | None = None
        self._sent = started  # when something last left
        self._ping_due = False
        self.fresh = True  # there may be something to take
        self.finished = False  # nothing will come any more, or nobody is there to read it
        self.gone = False  # nobody reads any more

    # ---- for the task that sends

    def start(self) -> None:
        """Start the handler. Called by the task that sends, when `meta` has gone out."""
        self._sender = asyncio.current_task()
        self._timer = self._clock.call_at(self._next(), self._tick)
        self._task = self.loop.create_task(self._run())

    def take(self) -> bytes:
        """What is ready to be sent, a ping if one is due, or nothing."""
        now = self._clock.time()
        if now >= self._writer.deadline:
            self._expire()
        chunk = self._writer.take(now)
        self._pump.taken()
        self.fresh = False
        self.finished = self.gone or self._writer.state is State.DONE
        if chunk:
            self._sent = now
        elif self._ping_due:
            chunk = PING
        elif self._writer.held_until is not None:
            self._wake_at(self._writer.held_until)
        self._ping_due = False
        return chunk

    def wait(self) -> asyncio.Future[None]:
        """To be awaited when nothing is ``fresh``: done when something is, or when the answer has finished."""
        self._waiter = self.loop.create_future()
        return self._waiter

    def end(self, error: ErrorEvent) -> None:
        """End the answer now, whatever the handler is doing, and give up a send that nobody takes."""
        if self._writer.state is State.OPEN:
            self._fail(error)
            self._stop()
        self._give_up_later()
        self._wake()

    def end_after(self, seconds: float, error: ErrorEvent) -> None:
        """`end` it in so many seconds, if it still runs then."""
        self._draining = self._clock.call_at(self._clock.time() + seconds, self.end, error)

    def leave(self) -> None:
        """The reader is gone."""
        self.gone = self.finished = True
        self._stop()
        self._give_up_later()
        self._wake()

    async def close(self) -> None:
        """Wait for the handler's end, or until it is abandoned. Whatever cancels this wait, the closing goes on."""
        self._sender = None
        self._stop()
        held = self._held and self._held[1]
        for timer in (self._timer, self._draining, self._giving_up, held):
            if timer is not None:
                timer.cancel()
        if self._task is not None and not self._task.done():
            self._waiter = self.loop.create_future()
            self._task.add_done_callback(lambda _: self._wake())
            await self._waiter

    # ---- the handler's task

    async def _run(self) -> None:
        try:
            await self._pump.follow(aiter(self._handle()))
            if self._writer.state is State.OPEN:
                self._writer.finish()
        except Stopped:
            pass
        except ResponseError as exc:
            self._fail(self._reporter.ended(exc.rule, str(exc)))
        except BaseException as exc:
            if self._writer.state is State.OPEN and not self.gone:
                self._fail(self._reporter.failed(exc))
            elif not isinstance(exc, asyncio.CancelledError):
                self._reporter.too_late(exc)
            if isinstance(exc, KeyboardInterrupt):
                raise
        finally:
            self._pump.stopped = True
            if self._closing is not None:
                self._closing.cancel()
            if self._writer.text_sum_exceeded:
                self._reporter.text_sum()
            self._wake()

    def _fail(self, error: ErrorEvent) -> None:
        self._writer.fail(error)
        self._writer.finish()

    def _limit(self, exc: LimitError) -> None:
        """Called by the pump, in the handler's task: the generators are closed there, not cancelled."""
        self._fail(self._reporter.ended(exc.rule, str(exc)))
        self._pump.stopped = True
        self._closing = self._after_close_seconds(self._insist)
        self._wake()

    def _stop(self) -> None:
        """From now on what the handler says is not heard: cancel it, and see to it that it ends."""
        if self._task is None or self._pump.stopped:
            return
        self._pump.stopped = True
        self._task.cancel()
        self._closing = self._after_close_seconds(self._insist)

    def _insist(self) -> None:
        """The time to clean up is over: cancel what still runs, and look again when that had its effect."""
        if self._task is not None and not self._task.done():
            self._task.cancel()
            self._soon(self._abandon, turns=5)

    def _abandon(self) -> None:
        if self._task is not None and not self._task.done():
            abandoned.add(self._task)
            self._task.add_done_callback(abandoned.discard)
            self._reporter.abandoned(self._limits.close_seconds)
            self._wake()

    def _soon(self, callback: Callable[[], None], *, turns: int) -> None:
        if turns:
            self.loop.call_soon(lambda: self._soon(callback, turns=turns - 1))
        else:
            callback()

    # ---- time

    def _wake(self) -> None:
        self.fresh = True
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def _wake_at(self, when: float) -> None:
        if self._held is not None:
            if self._held[0] == when:
                return
            self._held[1].cancel()
        self._held = when, self._clock.call_at(when, self._wake)

    def _after_close_seconds(self, callback: Callable[[], None]) -> Timer:
        return self._clock.call_at(self._clock.time() + self._limits.close_seconds, callback)

    def _expire(self) -> None:
        if self._writer.state is State.OPEN:
            self.end(self._reporter.ended("time-limit", f"The limit of {self._limits.total_seconds:,g} s is reached."))
        else:
            self._give_up_later()

    def _give_up_later(self) -> None:
        if self._giving_up is None:
            self._giving_up = self._after_close_seconds(self._give_up)

    def _give_up(self) -> None:
        """The task that sends is still at it, though the answer is over: its reader takes nothing."""
        self.gone = self.finished = True
        if self._sender is not None:
            self._sender.cancel()

    def _next(self) -> float:
        """When time itself brings the next thing about."""
        pings = self._limits.ping_seconds
        return min(self._writer.deadline, self._sent + pings) if pings else self._writer.deadline

    def _tick(self) -> None:
        now = self._clock.time()
        if now >= self._writer.deadline:
            self._expire()
            return
        if now >= self._next():
            self._sent, self._ping_due = now, True
            self._wake()
        self._timer = self._clock.call_at(self._next(), self._tick)
