"""An answer that is let in first, or watched, or both. Any other is driven by `Driver`, which knows of neither."""

from __future__ import annotations

from collections.abc import AsyncIterable, Callable, Mapping, Sequence
from contextvars import copy_context
from typing import TYPE_CHECKING, Any

from ..protocol import ErrorEvent, Item, State
from ._admission import Admission
from ._contexts import QueryContext
from ._driver import Driver
from ._entrance import Entrance, Refusal, Visit
from ._reports import Report, alone
from ._site import RESTARTING

if TYPE_CHECKING:
    from ..observe import Observer, QueryWatch

# Of a request; what may hold a secret of this bot is nobody's business.
_SECRET_HEADERS = {b"authorization", b"proxy-authorization", b"cookie"}


class Attendance:
    """What an app does beside answering. Raises ConfigurationError for what is wrong with it."""

    def __init__(self, admission: Admission | None, observers: Sequence[Observer]) -> None:
        from ..observe import checked

        self._entrance = Entrance(admission) if admission is not None else None
        self.observers = checked(observers)

    def driver(
        self, handle: Callable[[], AsyncIterable[Item]], ctx: QueryContext, *, path: str, **parts: Any
    ) -> AttendedDriver:
        """The driver of one answer; ``path`` is the bot's in its app, ``parts`` are arguments of `Driver`."""
        bot = ctx.bot.name or f"{ctx.http.scope.get('root_path', '')}{path}"
        visit = self._entrance.visit(user=ctx.request.user_id, bot=bot) if self._entrance is not None else None
        watch = self._watch(ctx, bot) if self.observers else None
        return AttendedDriver(handle, ctx=ctx, visit=visit, watch=watch, **parts)

    def _watch(self, ctx: QueryContext, bot: str) -> QueryWatch:
        from ..observe import Query, QueryWatch

        request = ctx.request
        query = Query(
            bot=bot,
            message_id=request.message_id,
            conversation_id=request.conversation_id,
            user_id=request.user_id,
            headers=_headers(ctx.http.scope["headers"]),
        )
        return QueryWatch(self.observers, query)


def _headers(raw: Sequence[tuple[bytes, bytes]]) -> Mapping[str, str]:
    return {name.decode("latin-1"): value.decode("latin-1") for name, value in raw if name not in _SECRET_HEADERS}


class AttendedDriver(Driver):
    """``visit`` is its way in, ``watch`` those who see it, who prepare the context that the handler runs in."""

    __slots__ = ("_context", "_first", "_has_failed", "_is_over", "_refused", "_started", "_visit", "_watch")

    def __init__(
        self, *args: Any, ctx: QueryContext, visit: Visit | None, watch: QueryWatch | None, started: float, **parts: Any
    ) -> None:
        report = Report(ctx) if watch is None else WatchedReport(ctx, watch)
        super().__init__(*args, reporter=report, started=started, **parts)
        self._refused = report.refused
        self._visit = visit
        self._watch = watch
        self._started = started
        self._first: float | None = None  # seconds until the first event after `meta`
        self._has_failed = False
        self._is_over = False
        self._context = copy_context()
        if watch is not None:
            self._context.run(watch.started)

    def run(self) -> None:
        self._context.run(super().run)

    async def close(self) -> None:
        try:
            await super().close()
        finally:
            if self._task is None or self._task.done():
                self._over()
            else:  # it was abandoned, or this wait was cancelled: then the closing goes on
                self._task.add_done_callback(self._over)

    def end(self, error: ErrorEvent) -> None:
        if error is RESTARTING and self._watch is not None and self._writer.state is State.OPEN:
            self._watch.error("restarting")
        super().end(error)

    async def _follow(self) -> None:
        refusal = await self._visit.enter() if self._visit is not None else None
        if refusal is None:
            await super()._follow()
        elif self._writer.state is State.OPEN:
            self._end_with(self._refused(refusal))

    def _take(self, now: float) -> bytes:
        chunk = super()._take(now)
        if chunk and self._first is None and self._writer.events > 1:  # `meta` is the first of them
            self._first = now - self._started
            if self._watch is not None:
                self._watch.first_event(self._first)
        return chunk

    def _end_with(self, error: ErrorEvent) -> None:
        super()._end_with(error)
        self._has_failed = True

    def _abandoned(self) -> None:
        super()._abandoned()
        self._over()

    def _over(self, _: object = None) -> None:
        """The handler has ended, or was abandoned."""
        if self._is_over:
            return
        self._is_over = True
        if self._visit is not None:
            self._visit.leave()
        if self._watch is not None:
            self._tell_the_end(self._watch)

    def _tell_the_end(self, watch: QueryWatch) -> None:
        from ..observe import QueryEnd

        went_out = self._writer.state is State.DONE and not self.gone
        watch.ended(
            QueryEnd(
                outcome="error" if self._has_failed else "answered" if went_out else "left",
                seconds=self._clock.time() - self._started,
                first_event_seconds=self._first,
                events=self._writer.events,
                characters=self._writer.visible,
            )
        )


class WatchedReport(Report):
    """A report that those who watch hear of, too: kinds and ids, no words of an exception."""

    __slots__ = ("_watch",)

    def __init__(self, ctx: QueryContext, watch: QueryWatch) -> None:
        super().__init__(ctx)
        self._watch = watch

    def failed(self, exc: BaseException) -> ErrorEvent:
        event = super().failed(exc)
        self._watch.error("restarting" if event is RESTARTING else type(alone(exc)).__name__, self.error_id)
        return event

    def ended(self, rule: str, message: str) -> ErrorEvent:
        if rule.endswith("-limit"):
            self._watch.limit_hit(rule)
        self._watch.error(rule)
        return super().ended(rule, message)

    def refused(self, refusal: Refusal) -> ErrorEvent:
        self._watch.limit_hit(refusal.limit)
        self._watch.error(refusal.limit)
        return super().refused(refusal)

    def abandoned(self, seconds: float) -> None:
        self._watch.handler_abandoned()
        super().abandoned(seconds)
