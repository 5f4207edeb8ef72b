"""The driver of one answer: the only place where time passes.

Two tasks take part. The request's task sends: it asks `take` for what is ready, and waits with `wait` when nothing is.
The handler's task runs the `Pump`; the driver starts it, and stops it when the answer ends before the handler does.
When the handler is about to wait while the other task waits, too, what it said goes out then and there: waking that
task for each token would take another turn of the loop. A send that does not end at once is left to that task.

One timer serves the deadline and the pings. Others are armed only when there is need: for held text, for draining, for
a handler that is being closed, and for a last send that nobody takes.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterable, Callable, Coroutine, Sequence
from typing import Any, Protocol

from .._clock import Timer, current_clock
from ..errors import LimitError, ResponseError
from ..protocol import PING, ErrorEvent, File, Item, Limits, Meta, ResponseWriter, State, Wire
from ._ending import Ending, Patience
from ._outlet import Outlet
from ._pump import Pump, Stopped
from ._stepping import watched

log = logging.getLogger("poe_asgi.server")

UNREPORTED = ErrorEvent(text="Something went wrong in this bot.", allow_retry=False)


class Reporter(Protocol):
    """Turns what went wrong into the event the user sees, and logs the rest."""

    def failed(self, exc: BaseException) -> ErrorEvent: ...

    def ended(self, rule: str, message: str) -> ErrorEvent: ...

    def too_late(self, exc: BaseException) -> None: ...

    def text_sum(self) -> None: ...

    def over(self, files: Sequence[File], text: Callable[[], str]) -> None: ...

    def abandoned(self, seconds: float) -> None: ...


class Driver:
    """``handle`` makes the handler's generator; ``started`` is when the request came, on the current clock.

    ``outlet`` belongs to the request's task. ``wire`` makes the bytes: Poe's, unless another is given.
    ``meta`` goes out at once; with ``meta_seconds`` it waits so long for the handler to yield another one first.
    """

    __slots__ = (
        "_clock",
        "_draining",
        "_ending",
        "_giving_up",
        "_handle",
        "_held",
        "_ping_due",
        "_pump",
        "_reporter",
        "_sent",
        "_task",
        "_timer",
        "_writer",
        "finished",
        "gone",
        "limits",
        "loop",
        "outlet",
    )

    def __init__(
        self,
        handle: Callable[[], AsyncIterable[Item]],
        *,
        meta: Meta,
        limits: Limits,
        reporter: Reporter,
        started: float,
        outlet: Outlet,
        wire: Wire | None = None,
        meta_seconds: float = 0,
    ) -> None:
        self._handle = handle
        self.limits = limits
        self._reporter = reporter
        self.loop = asyncio.get_running_loop()
        self._clock = current_clock()
        self._writer = ResponseWriter(limits, now=started, wire=wire)
        self._writer.promise(meta, started + meta_seconds)
        self._pump = Pump(self._writer, end=self._end_at_limit, takes_meta=meta_seconds > 0)
        self._task: asyncio.Task[None] | None = None
        self._timer: Timer | None = None  # the deadline, or a ping before it
        self._draining: Timer | None = None
        self._ending: Ending | None = None
        self._giving_up: Patience | None = None
        self._held: tuple[float, Timer] | None = None
        self._sent = started  # when something last left
        self._ping_due = False
        self.outlet = outlet
        self.finished = False  # nothing will come any more, or nobody is there to read it
        self.gone = False  # nobody reads any more

    # ---- for the task that sends

    def start(self) -> None:
        """Time counts from here on."""
        self._timer = self._clock.call_at(self._next(), self._tick)

    def run(self) -> None:
        """Start the handler, now that `meta` has gone out; not if the answer has ended meanwhile."""
        if not self._pump.stopped:
            self._task = self.loop.create_task(self._run())

    @property
    def fresh(self) -> bool:
        """Whether there may be something to take."""
        return self.outlet.woken or self._pump.yields > 0

    def take(self) -> bytes:
        """What is ready to be sent, a ping if one is due, or nothing."""
        now = self._clock.time()
        if now >= self._writer.deadline:
            self._expire()
        chunk = self._take(now)
        self.outlet.woken = False
        self.finished = self.gone or self._writer.state is State.DONE
        if not chunk and self._ping_due:
            chunk = PING
        self._ping_due = False
        return chunk

    def end(self, error: ErrorEvent) -> None:
        """End the answer now, whatever the handler is doing, and give up a send that nobody takes."""
        if self._writer.state is State.OPEN:
            self._end_with(error)
            self._stop()
        self._give_up_later()
        self.outlet.wake()

    def end_after(self, seconds: float, error: ErrorEvent) -> None:
        """`end` it in so many seconds, if it still runs then."""
        if not self.finished:
            self._draining = self._clock.call_at(self._clock.time() + seconds, self.end, error)

    def leave(self) -> None:
        """The reader is gone."""
        self.gone = self.finished = True
        self._stop()
        self._give_up_later()
        self.outlet.wake()

    async def close(self) -> None:
        """Wait for the handler's end, or until it is abandoned. Whatever cancels this wait, the closing goes on."""
        self.outlet.close()
        self._stop()
        held = self._held and self._held[1]
        for timer in (self._timer, self._draining, self._giving_up, held):
            if timer is not None:
                timer.cancel()
        if self._task is not None and not self._task.done():
            self._task.add_done_callback(lambda _: self.outlet.wake())
            await self.outlet.wait()
        self._pump.close()

    # ---- the handler's task

    async def _run(self) -> None:
        try:
            await watched(self._follow(), self._waiting)
        except Stopped:
            pass
        except BaseException as exc:
            self._failed(exc)
            if isinstance(exc, KeyboardInterrupt):
                raise
        else:
            self._finish()
        finally:
            self._pump.stopped = True
            if self._ending is not None:
                self._ending.over()
            if self._writer.text_sum_exceeded:
                self._reporter.text_sum()
            self.outlet.wake()

    def _follow(self) -> Coroutine[Any, Any, None]:
        return self._pump.follow(aiter(self._handle()))

    def _waiting(self) -> None:
        """The handler is about to wait. What it said leaves now, unless the task that sends is at it anyway."""
        if self._pump.yields and self.outlet.idle and self._task is not None:
            now = self._clock.time()
            if now < self._writer.deadline and (chunk := self._take(now)):
                self.outlet.send_now(chunk, inside=self._task)

    def _take(self, now: float) -> bytes:
        chunk = self._writer.take(now)
        self._pump.taken()
        self._sent = now if chunk else self._sent
        if self._writer.held_until is not None:
            self._wake_at(self._writer.held_until)
        return chunk

    def _finish(self) -> None:
        """The handler has returned."""
        if self._writer.state is State.OPEN and not self.gone:
            try:
                self._writer.finish()
            except ResponseError as exc:
                self._end_with(self._reporter.ended(exc.rule, str(exc)))
            else:
                self._reporter.over(self._writer.files, lambda: self._writer.visible_text(self._writer.visible))

    def _failed(self, exc: BaseException) -> None:
        """The handler has raised this."""
        if self._writer.state is State.OPEN and not self.gone:
            try:
                self._end_with(self._reporter.failed(exc))
            except Exception:
                self._end_with(UNREPORTED)
                log.exception("reporting a failed handler failed")
        elif not isinstance(exc, asyncio.CancelledError):
            self._reporter.too_late(exc)

    def _end_with(self, error: ErrorEvent) -> None:
        self._writer.fail(error)
        self._writer.finish()

    def _end_at_limit(self, exc: LimitError) -> None:
        """Called by the pump, in the handler's task: the generators are closed there, not cancelled."""
        self._end_with(self._reporter.ended(exc.rule, str(exc)))
        self._pump.stopped = True
        self._see_to_its_end()
        self._give_up_later()
        self.outlet.wake()

    def _stop(self) -> None:
        """From now on what the handler says is not heard: cancel it, and see to it that it ends."""
        if not self._pump.stopped:
            self._pump.stopped = True
            if self._task is not None:
                self._task.cancel()
                self._see_to_its_end()

    def _see_to_its_end(self) -> None:
        if self._task is not None:
            self._ending = Ending(self._task, self._clock, self.limits.close_seconds, self._abandoned)

    def _abandoned(self) -> None:
        self._reporter.abandoned(self.limits.close_seconds)
        self.outlet.wake()

    # ---- time

    def _wake_at(self, when: float) -> None:
        if self._held is not None:
            if self._held[0] == when:
                return
            self._held[1].cancel()
        self._held = when, self._clock.call_at(when, self._release)

    def _release(self) -> None:
        """The held run is due. A loop's timer may be early by its resolution; then the run is held once more."""
        self._held = None
        self.outlet.wake()

    def _expire(self) -> None:
        if self._writer.state is State.OPEN:
            self.end(self._reporter.ended("time-limit", f"The limit of {self.limits.total_seconds:,g} s is reached."))
        else:
            self._give_up_later()

    def _give_up_later(self) -> None:
        if self._giving_up is None:
            self._giving_up = Patience(self._clock, self.limits.close_seconds, self._give_up)

    def _give_up(self) -> None:
        """The task that sends is still at it, though the answer is over: its reader takes nothing."""
        self.gone = self.finished = True
        self.outlet.cancel()

    def _next(self) -> float:
        """When time itself brings the next thing about."""
        pings = self.limits.ping_seconds
        return min(self._writer.deadline, self._sent + pings) if pings else self._writer.deadline

    def _tick(self) -> None:
        now = self._clock.time()
        if now >= self._writer.deadline:
            self._expire()
            return
        if now >= self._next():
            self._sent, self._ping_due = now, True
            self.outlet.wake()
        self._timer = self._clock.call_at(self._next(), self._tick)
