"""`BotStream`: the answer of another bot, as it comes."""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import dataclass, field

from .._clock import current_clock
from ..errors import (
    BotError,
    InvalidResponseError,
    SSEError,
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
    one_line,
)
from ._attempts import retried_stream
from ._connection import Connection
from ._failures import BODY_BYTES, blotted
from ._http import HttpRequest
from ._once import Stream
from ._streamed import StreamedAnswer
from ._watched import watched_call

log = logging.getLogger("poe_asgi.client")

# What a bot may send as one line and as one event; far above anything Poe allows in an answer.
MAX_EVENT_BYTES = 2**23

Received = Event | Json


@dataclass(slots=True)
class Progress:
    """What has come of an answer, for the generators behind a stream.

    They do not hold the stream itself: one that is dropped after a ``break`` is then freed, and closed, at once.
    """

    reply: Reply = field(default_factory=Reply)


class BotStream(Stream[Received]):
    """An answer that is coming: an async iterable of events, and an async context manager that closes it.

    It gives the event classes a handler yields, and `Json`. A handler may yield the stream itself. It can be iterated
    once; ``reply`` is what came so far, and the whole answer afterwards. What goes wrong is raised while iterating, as
    an UpstreamError; whatever way the iteration ends, the connection is given back.
    """

    def __init__(self, open_events: Callable[[Progress], AsyncGenerator[Received, None]]) -> None:
        progress = self._progress = Progress()
        super().__init__(lambda: open_events(progress))

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

    async def read(self) -> Reply:
        """Read to the end. Raises what iterating raises."""
        await self._read()
        return self.reply


async def query_events(
    progress: Progress, connection: Connection, name: str, body: bytes
) -> AsyncGenerator[Received, None]:
    """The events of one query, which is sent again as `Retry` says, but never after the first content event."""
    connection.count(name)
    what = f"Calling {name}"

    def tries(connection: Connection) -> AsyncGenerator[list[Received], None]:
        return retried_stream(connection.retry, what, lambda: _content(progress, connection, name, body))

    async with aclosing(watched_call("bot", name, connection, tries)) as ready:
        async for events in ready:
            for event in events:
                yield event


async def _content(
    progress: Progress, connection: Connection, name: str, body: bytes
) -> AsyncGenerator[list[Received], None]:
    """The content of one try, as much at a time as came together. Raises what the answer ends with, if not `done`."""
    async with aclosing(_attempt(progress, connection, name, body)) as ready:
        async for events in ready:
            content: list[Received] = []
            end: Done | ErrorEvent | None = None
            for event in events:
                match event:
                    case Text() | ReplaceResponse() | SuggestedReply() | File() | Data() | Json():
                        content.append(event)
                    case ErrorEvent() | Done():
                        end = event
                        break
                    case Unknown(kind):
                        shown = blotted(kind, connection.key())
                        log.debug("%s sent an event of type %.80r, which is unknown or malformed", name, shown)
                    case Meta():
                        pass
            if content:
                yield content
            match end:
                case ErrorEvent():
                    raise _raised(name, end, connection.key())
                case Done():
                    return
    read = len(progress.reply.events)
    raise TruncatedStreamError(f"Calling {name}: the answer stopped after {read} events without `done`.")


async def _attempt(
    progress: Progress, connection: Connection, name: str, body: bytes
) -> AsyncGenerator[list[StreamEvent], None]:
    """The events of one try, as many at a time as came together; it ends where the bytes do."""
    clock = current_clock()
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
        connect_seconds=connection.timeouts.connect,
    )
    answer = await StreamedAnswer.open(connection, request, what)
    try:
        await _check(answer, what, connection.key())
        started = answer.started
        reader = ResponseReader(Limits(total_seconds=connection.timeouts.total), now=started, max_event=MAX_EVENT_BYTES)
        received: list[StreamEvent] = []
        first: float | None = None
        try:
            while (chunk := await answer.chunk()) is not None:
                now = clock.time()
                try:
                    events = reader.feed(chunk, now)
                except SSEError as exc:
                    raise InvalidResponseError(f"{what}: {exc}") from None
                if reader.state is State.DONE:
                    await answer.read_out()
                if events:
                    first = now - started if first is None else first
                    received += events
                    yield events
                    answer.heard()  # only now: whoever reads may take longer than the answer may be idle
        finally:
            progress.reply = Reply.of(reader, received, first_event_seconds=first, seconds=clock.time() - started)
    finally:
        await answer.aclose()


async def _check(answer: StreamedAnswer, what: str, key: str) -> None:
    if answer.content_type != "text/event-stream":
        body = await answer.body(BODY_BYTES)
        raise InvalidResponseError(
            f"{what}: the answer is {one_line(answer.content_type)[:100] or 'of no type'}, not an event stream.",
            status=200,
            body=blotted(body.decode("utf-8", "replace"), key),
        )


def _raised(name: str, event: ErrorEvent, key: str) -> UpstreamError:
    # Poe names an undeclared dependency only in the text of the error.
    if "0 or undefined call count in settings" in event.text:
        return UndeclaredDependencyError(f"{name} may not be called by this bot, or not once more.")
    return BotError(blotted(event.text, key), allow_retry=event.allow_retry, error_type=event.error_type)
