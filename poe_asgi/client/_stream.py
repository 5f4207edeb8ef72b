"""`BotStream`: the answer of another bot, as it comes."""

from __future__ import annotations

import logging
import random
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing, suppress
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

from .._clock import current_clock, sleep, until
from ..errors import (
    BotError,
    ConnectionFailedError,
    FirstEventTimeoutError,
    IdleTimeoutError,
    InvalidResponseError,
    SSEError,
    TotalTimeoutError,
    TruncatedStreamError,
    UndeclaredDependencyError,
    UpstreamError,
)
from ..protocol import (
    Data,
    Done,
    ErrorEvent,
    Event,
    File,
    Json,
    Limits,
    Meta,
    ReplaceResponse,
    Reply,
    ResponseReader,
    State,
    StreamEvent,
    SuggestedReply,
    Text,
    ToolCall,
    ToolRound,
    Unknown,
)
from ._connection import Connection
from ._failures import BODY_BYTES, failure
from ._http import HttpRequest, HttpResponse, read_bounded

log = logging.getLogger("poe_asgi.client")

# What a bot may send as one line and as one event; far above anything Poe allows in an answer.
MAX_EVENT_BYTES = 2**23

# What is read after `done` to save the connection, at most.
_LAST_CHUNKS, _LAST_SECONDS = 10, 0.05

Received = Event | Json


@dataclass(slots=True)
class Progress:
    """What has come of an answer, for the generators behind a stream.

    They do not hold the stream itself: one that is dropped after a ``break`` is then freed, and closed, at once.
    """

    reply: Reply = field(default_factory=Reply)


class BotStream:
    """An answer that is coming: an async iterable of events, and an async context manager that closes it.

    It gives the event classes a handler yields, and `Json`. A handler may yield the stream itself. It can be iterated
    once; ``reply`` is what came so far, and the whole answer afterwards. What goes wrong is raised while iterating, as
    an UpstreamError; whatever way the iteration ends, the connection is given back.
    """

    def __init__(self, open_events: Callable[[Progress], AsyncGenerator[Received, None]]) -> None:
        self._open_events = open_events
        self._events: AsyncGenerator[Received, None] | None = None
        self._progress = Progress()

    @property
    def reply(self) -> Reply:
        """What came so far."""
        return self._progress.reply

    @property
    def tool_calls(self) -> tuple[ToolCall, ...]:
        """Calls of tools that have no function: the caller answers them."""
        return self.reply.tool_calls

    @property
    def tool_rounds(self) -> tuple[ToolRound, ...]:
        """Calls of tools so far, with their results; ``Data.dump(tool_rounds=…)`` keeps them for later turns."""
        return self.reply.tool_rounds

    def __aiter__(self) -> AsyncGenerator[Received, None]:
        if self._events is None:
            self._events = self._open_events(self._progress)
        return self._events

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Give the connection back, whether the answer was read to its end or not."""
        if self._events is not None:
            await self._events.aclose()

    async def read(self) -> Reply:
        """Read to the end. Raises what iterating raises."""
        async with aclosing(aiter(self)) as events:
            async for _ in events:
                pass
        return self.reply


async def query_events(
    progress: Progress, connection: Connection, name: str, body: bytes
) -> AsyncGenerator[Received, None]:
    """The events of one query, which is sent again as `Retry` says, but never after the first content event."""
    clock = current_clock()
    began = clock.time()
    attempt = 0
    connection.count(name)
    while True:
        attempt += 1
        content = False
        try:
            async with aclosing(_attempt(progress, connection, name, body)) as ready:
                async for events in ready:
                    for event in events:
                        match event:
                            case Text() | ReplaceResponse() | SuggestedReply() | File() | Data() | Json():
                                content = True
                                yield event
                            case ErrorEvent():
                                raise _raised(name, event)
                            case Unknown(kind):
                                log.debug("%s sent an event of type %r, which is unknown or malformed", name, kind)
                            case Meta():
                                pass
                            case Done():
                                return
            read = len(progress.reply.events)
            raise TruncatedStreamError(f"Calling {name}: the answer stopped after {read} events without `done`.")
        except UpstreamError as exc:
            if content:
                raise
            pause = connection.retry.pause(
                attempt,
                exc,
                elapsed=clock.time() - began,
                chance=random.random(),  # noqa: S311
            )
            if pause is None:
                raise
            log.info("calling %s failed (%s); trying again in %.2f s", name, type(exc).__name__, pause)
        await sleep(pause)


async def _attempt(
    progress: Progress, connection: Connection, name: str, body: bytes
) -> AsyncGenerator[list[StreamEvent], None]:
    """The events of one try, as many at a time as came together; it ends where the bytes do."""
    clock, timeouts = current_clock(), connection.timeouts
    started = clock.time()
    first_at, total_at = started + timeouts.first_event, started + timeouts.total
    what = f"Calling {name}"
    request = HttpRequest(
        method="POST",
        url=connection.bot_url(name),
        headers={
            "authorization": f"Bearer {connection.key()}",
            "content-type": "application/json",
            "accept": "text/event-stream",
            "cache-control": "no-store",
        },
        content=body,
        connect_seconds=timeouts.connect,
    )
    try:
        response = await until(min(first_at, total_at), connection.transport().send(request))
    except TimeoutError:
        raise FirstEventTimeoutError(f"{what}: no answer within {timeouts.first_event:g} s.") from None
    try:
        await _check(response, what, until_=first_at)
        reader = ResponseReader(Limits(total_seconds=timeouts.total), now=started, max_event=MAX_EVENT_BYTES)
        received: list[StreamEvent] = []
        first: float | None = None
        idle_at = first_at
        chunks = response.chunks()
        try:
            while True:
                try:
                    chunk = await until(min(idle_at, total_at), anext(chunks))
                except StopAsyncIteration:
                    break
                except TimeoutError:
                    raise _too_slow(what, first is None, clock.time() >= total_at, connection) from None
                except ConnectionFailedError as exc:
                    raise TruncatedStreamError(f"{what}: {exc}") from exc.__cause__
                now = clock.time()
                try:
                    events = reader.feed(chunk, now)
                except SSEError as exc:
                    raise InvalidResponseError(f"{what}: {exc}") from None
                if reader.state is State.DONE:
                    await _read_out(chunks, now)
                if events:
                    first = now - started if first is None else first
                    received += events
                    yield events
                    idle_at = clock.time() + timeouts.idle  # whoever reads may take longer than that
        finally:
            progress.reply = Reply.of(reader, received, first_event_seconds=first, seconds=clock.time() - started)
            await _close(chunks)
    finally:
        await response.aclose()


async def _read_out(chunks: AsyncIterator[bytes], now: float) -> None:
    """Read what follows `done`, the end of the body mostly: only then can the connection be used again."""
    with suppress(TimeoutError, StopAsyncIteration, ConnectionFailedError):
        for _ in range(_LAST_CHUNKS):
            await until(now + _LAST_SECONDS, anext(chunks))


async def _close(chunks: AsyncIterator[bytes]) -> None:
    if isinstance(chunks, AsyncGenerator):
        await chunks.aclose()


async def _check(response: HttpResponse, what: str, *, until_: float) -> None:
    """Raise what an answer that is no event stream stands for."""
    content_type = response.headers.get("content-type", "").partition(";")[0].strip().lower()
    if response.status == 200 and content_type == "text/event-stream":
        return
    try:
        body = await until(until_, read_bounded(response, BODY_BYTES))
    except TimeoutError:
        body = b""
    if response.status == 200:
        raise InvalidResponseError(
            f"{what}: the answer is {content_type or 'of no type'}, not an event stream.",
            status=200,
            body=body.decode("utf-8", "replace"),
        )
    raise failure(what, response.status, response.headers, body)


def _too_slow(what: str, nothing: bool, total: bool, connection: Connection) -> UpstreamError:
    timeouts = connection.timeouts
    if total:
        return TotalTimeoutError(f"{what}: the answer took longer than {timeouts.total:g} s.")
    if nothing:
        return FirstEventTimeoutError(f"{what}: no event within {timeouts.first_event:g} s.")
    return IdleTimeoutError(f"{what}: no event for {timeouts.idle:g} s.")


def _raised(name: str, event: ErrorEvent) -> UpstreamError:
    # Poe names an undeclared dependency only in the text of the error.
    if "0 or undefined call count in settings" in event.text:
        return UndeclaredDependencyError(f"{name} may not be called by this bot, or not once more.")
    return BotError(event.text, allow_retry=event.allow_retry, error_type=event.error_type)
