"""An app with an eye on it: what each request took, which events went out, and what its start-up raised."""

from __future__ import annotations

import json
import time
from collections import Counter
from contextlib import suppress
from typing import Any

from ..errors import SSEError
from ..local import AsgiApp
from ..protocol import ResponseReader, StreamEvent, Unknown
from ._project import authors_traceback
from ._reports import Reports

_BODY_BYTES = 2**20


def kind_of(event: StreamEvent) -> str:
    """Its type, as on the wire."""
    return event.type if isinstance(event, Unknown) else event.kind


class Observed:
    """The app itself, for a server. ``failure`` is what its start-up raised, if it did."""

    def __init__(self, app: AsgiApp, reports: Reports) -> None:
        self._app = app
        self._reports = reports
        self.failure: BaseException | None = None

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            await _Exchange(scope, receive, send).run(self._app, self._reports)
            return
        try:
            await self._app(scope, receive, send)
        except Exception as exc:
            self.failure = exc
            raise


class _Exchange:
    def __init__(self, scope: Any, receive: Any, send: Any) -> None:
        self._scope, self._receive, self._send = scope, receive, send
        self._started = time.monotonic()
        self._first: float | None = None
        self._status = 0
        self._body = bytearray()
        self._reader: ResponseReader | None = None
        self._events: Counter[str] = Counter()
        self._complete = False

    async def run(self, app: AsgiApp, reports: Reports) -> None:
        try:
            await app(self._scope, self._take, self._give)
        except Exception as exc:
            message = f"The app raised {type(exc).__name__}"
            reports.send("log", level="ERROR", message=message, traceback=authors_traceback(exc), error_id=None)
            raise
        finally:
            reports.send("request", **self._summary())

    async def _take(self) -> Any:
        message = await self._receive()
        if message["type"] == "http.request" and len(self._body) < _BODY_BYTES:
            self._body += message.get("body", b"")
        return message

    async def _give(self, message: Any) -> None:
        if message["type"] == "http.response.start":
            self._status = message["status"]
            headers = {name.lower(): value for name, value in message["headers"]}
            if headers.get(b"content-type", b"").startswith(b"text/event-stream"):
                self._reader = ResponseReader(now=self._started)
        elif message["type"] == "http.response.body":
            self._look(message.get("body", b""))
            self._complete = not message.get("more_body", False)
        await self._send(message)

    def _look(self, body: bytes) -> None:
        now = time.monotonic()
        if body and self._first is None:
            self._first = now - self._started
        if self._reader is not None and body:
            with suppress(SSEError):  # the reader has noted it
                self._events.update(kind_of(event) for event in self._reader.feed(body, now))

    def _summary(self) -> dict[str, Any]:
        now = time.monotonic()
        reader = self._reader
        if reader is not None and self._complete:
            reader.end(now)
        return {
            "method": self._scope["method"],
            "path": self._scope["path"],
            "type": self._type(),
            "status": self._status,
            "first": self._first,
            "seconds": now - self._started,
            "complete": self._complete,
            "events": dict(self._events),
            "error": reader.error.text if reader is not None and reader.error is not None else None,
            "violations": [
                {"rule": each.rule.id, "level": each.rule.level, "detail": each.detail} for each in reader.violations
            ]
            if reader is not None
            else [],
        }

    def _type(self) -> str | None:
        try:
            kind = json.loads(self._body).get("type")
        except (ValueError, AttributeError, RecursionError):
            return None
        return kind if isinstance(kind, str) else None
