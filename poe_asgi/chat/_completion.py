"""One chat completion over HTTP, whole or streamed, tried again as long as nothing of it was given.

Both are an async generator of lists of deltas: those of a stream as they come together, that of a whole answer alone.
"""

from __future__ import annotations

import json
import logging
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from dataclasses import replace
from typing import Any

from ..client import (
    BODY_BYTES,
    Connection,
    HttpRequest,
    StreamedAnswer,
    blotted,
    call,
    failure,
    failure_in_stream,
    retried_stream,
    watched_call,
)
from ..errors import (
    ConfigurationError,
    InvalidResponseError,
    SSEError,
    TruncatedStreamError,
    UpstreamError,
    UpstreamTimeoutError,
)
from ..protocol import ServerSentEvent, SSEParser
from ._accumulator import ChatAccumulator
from ._results import ChatDelta

log = logging.getLogger("poe_asgi.chat")

# What one event may hold: images can come as base64.
MAX_EVENT_BYTES = 2**24


class Completion:
    """One completion. ``received`` is what came in the latest try, ``complete`` whether it came to its end mark."""

    def __init__(self, connection: Connection, body: Mapping[str, Any], *, streaming: bool) -> None:
        self.received = ChatAccumulator()
        self.complete = False
        self.raw: Mapping[str, Any] = {}
        self._connection = connection
        self._content = _encoded({**body, **_streamed(body)} if streaming else body)
        self._attempt = self._stream if streaming else self._whole
        self._model = str(body["model"])
        self._what = f"Asking {self._model}"

    def deltas(self) -> AsyncGenerator[list[ChatDelta], None]:
        """The answer. Raises UpstreamError; ConfigurationError when there is no key."""
        return watched_call("model", self._model, self._connection, self._tries, self._told)

    def _tries(self, connection: Connection) -> AsyncGenerator[list[ChatDelta], None]:
        self._connection = connection
        return retried_stream(connection.retry, self._what, self._attempt)

    def _told(self) -> dict[str, Any]:
        """What the answer tells of itself; a count that is known to be wrong is none."""
        usage, model = self.received.usage, self.received.model or None
        if usage.is_estimate:
            return {"model": model}
        return {"model": model, "input_tokens": usage.input_tokens, "output_tokens": usage.output_tokens}

    async def _whole(self) -> AsyncGenerator[list[ChatDelta], None]:
        self.received = ChatAccumulator()
        request = self._request("application/json")
        answered = await call(self._connection, request, self._what, seconds=self._connection.timeouts.total)
        if answered.status != 200:
            secret = self._connection.key()
            raise failure(self._what, answered.status, answered.headers, answered.body, secret=secret)
        delta = self._read_whole(answered.body)
        yield [delta or ChatDelta()]

    async def _stream(self) -> AsyncGenerator[list[ChatDelta], None]:
        self.received, self.complete, self.raw = ChatAccumulator(), False, {}
        answer = await StreamedAnswer.open(self._connection, self._request("text/event-stream"), self._what)
        try:
            if answer.content_type == "text/event-stream":
                async with aclosing(self._deltas(answer)) as ready:
                    async for deltas in ready:
                        yield deltas
            else:  # a server that does not stream
                delta = self._read_whole(await self._all(answer))
                yield [delta or ChatDelta()]
        finally:
            self.raw = self.raw or self.received.body()
            await answer.aclose()

    async def _deltas(self, answer: StreamedAnswer) -> AsyncGenerator[list[ChatDelta], None]:
        begun = False
        held: dict[str, Any] = {}  # what is no content waits for some, so that the call can still be tried again
        async with aclosing(self._events(answer)) as ready:
            async for events in ready:
                deltas = []
                wrong: UpstreamError | None = None
                for event in events:
                    if event.data == "[DONE]":
                        self.complete = True
                        break
                    try:
                        delta = self.received.feed(self._object(event.data, is_error=event.type == "error"))
                    except UpstreamError as exc:
                        wrong = exc  # what came before it in the same bytes is given first
                        break
                    if delta is None:
                        continue
                    if not begun:
                        held |= delta.json
                        begun = bool(delta.text or delta.thoughts)
                        if not begun:
                            continue
                        delta = replace(delta, json=held)
                    deltas.append(delta)
                if self.complete:
                    await answer.read_out()
                if deltas:
                    yield deltas
                if wrong is not None:
                    raise wrong
                if self.complete:
                    break
        if not self.complete:
            if self.received.is_empty:
                raise TruncatedStreamError(f"{self._what}: the stream ended before there was an answer.")
            log.warning("%s: the stream ended without its end mark; the answer may be cut", self._what)
        if held and not begun:
            yield [ChatDelta(json=held)]

    async def _events(self, answer: StreamedAnswer) -> AsyncGenerator[list[ServerSentEvent], None]:
        """The events, as many at a time as came together."""
        parser = SSEParser(max_line=MAX_EVENT_BYTES, max_event=MAX_EVENT_BYTES)
        while (chunk := await self._next(answer)) is not None:
            try:
                events = parser.feed(chunk)
            except SSEError as exc:
                raise InvalidResponseError(f"{self._what}: {exc}") from None
            if events:
                yield events
                answer.heard()  # only now: whoever reads may take longer than the answer may be idle
        # A server that fails may leave out the blank line after its last event; what is cut is no JSON.
        yield [event for event in parser.feed(b"\n\n") if event.data == "[DONE]" or _is_json(event.data)]

    async def _next(self, answer: StreamedAnswer) -> bytes | None:
        try:
            return await answer.chunk()
        except (TruncatedStreamError, UpstreamTimeoutError):
            if self.received.finish_reason is None:
                raise
            return None  # the model had finished; what is missing is the end mark

    def _object(self, data: str, *, is_error: bool = False) -> Any:
        """The object of an event. Raises the error that it stands for, and InvalidResponseError for what is no JSON."""
        try:
            chunk = json.loads(data)
        except (ValueError, RecursionError):
            if not is_error:
                raise self._invalid("not JSON", data) from None
            chunk = data
        if is_error or (isinstance(chunk, dict) and chunk.get("error")):
            raise failure_in_stream(self._what, chunk, body=data, secret=self._connection.key())
        return chunk

    async def _all(self, answer: StreamedAnswer) -> bytes:
        """The body of an answer that is no stream."""
        body = bytearray()
        while (chunk := await answer.chunk()) is not None:
            body += chunk
            if len(body) > BODY_BYTES:
                raise self._invalid(f"larger than {BODY_BYTES:,} bytes")
        return bytes(body)

    def _read_whole(self, body: bytes) -> ChatDelta | None:
        text = body.decode("utf-8-sig", "replace")
        completion = self._object(text)
        if not (isinstance(completion, dict) and isinstance(completion.get("choices"), list) and completion["choices"]):
            raise self._invalid("no chat completion", text)
        self.raw, self.complete = completion, True
        return self.received.feed(completion)

    def _invalid(self, fault: str, body: str = "") -> InvalidResponseError:
        shown = blotted(body, self._connection.key())
        return InvalidResponseError(f"{self._what}: the answer is {fault}.", status=200, body=shown)

    def _request(self, accept: str) -> HttpRequest:
        return HttpRequest(
            method="POST",
            url=self._connection.v1_url("/chat/completions"),
            headers={
                "authorization": f"Bearer {self._connection.key()}",
                "content-type": "application/json",
                "accept": accept,
            },
            content=self._content,
            connect_seconds=self._connection.timeouts.connect,
        )


def _encoded(body: Mapping[str, Any]) -> bytes:
    try:
        return json.dumps(body).encode("ascii")
    except (TypeError, ValueError, RecursionError) as exc:
        raise ConfigurationError(f"The messages hold what is not JSON: {exc}.") from None


def _streamed(body: Mapping[str, Any]) -> dict[str, Any]:
    options = body.get("stream_options", {})
    if not isinstance(options, Mapping):
        raise ConfigurationError(f"The model option 'stream_options' must be a mapping, not {options!r:.100}.")
    return {"stream": True, "stream_options": {"include_usage": True, **options}}


def _is_json(data: str) -> bool:
    try:
        json.loads(data)
    except (ValueError, RecursionError):
        return False
    return True
