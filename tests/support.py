"""What many tests need: an ASGI exchange in process, and requests."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

from poe_asgi import Bot, create_app
from poe_asgi._clock import Clock, passed_in
from poe_asgi.protocol import Limits, ResponseReader, StreamEvent
from poe_asgi.testing import ManualClock, settle

__all__ = ["KEY", "SMALL", "Exchange", "ManualClock", "ask", "query", "settle", "started"]

KEY = "k" * 32
SMALL = {"type": "query", "query": [{"role": "user", "content": "hi"}]}


class Exchange:
    """One POST to an ASGI app in process, with the reader in the test's hand."""

    def __init__(self, clock: Clock | None = None, limits: Limits | None = None) -> None:
        self.clock = clock
        self.status = 0
        self.headers: dict[str, str] = {}
        self.chunks: list[bytes] = []
        self.ended = False
        self.reader = ResponseReader(limits, now=self._now())
        self.events: list[StreamEvent] = []
        self.listened = 0
        self.room = asyncio.Event()  # while cleared, every send waits
        self.room.set()
        self._gone = asyncio.Event()
        self._requests: list[dict[str, Any]] = []

    def _now(self) -> float:
        return self.clock.time() if self.clock is not None else 0.0

    @property
    def body(self) -> bytes:
        return b"".join(self.chunks)

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def text(self) -> str:
        return self.reader.text

    def disconnect(self) -> None:
        self._gone.set()

    async def run(
        self,
        app: Callable[..., Any],
        body: object = SMALL,
        *,
        path: str = "/",
        method: str = "POST",
        headers: dict[str, str] | None = None,
        key: str | None = KEY,
    ) -> Exchange:
        """Send the request, and return when the app does."""
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        self._requests.append({"type": "http.request", "body": raw, "more_body": False})
        sent = {"authorization": f"Bearer {key}"} if key is not None else {}
        scope = {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": "1.1",
            "method": method,
            "scheme": "http",
            "path": path,
            "raw_path": path.encode(),
            "root_path": "",
            "query_string": b"",
            "headers": [(name.lower().encode(), value.encode()) for name, value in {**sent, **(headers or {})}.items()],
            "client": ("127.0.0.1", 1),
            "server": ("127.0.0.1", 80),
            "state": {},
        }
        token = passed_in.set(self.clock)
        try:
            await app(scope, self._receive, self._send)
        finally:
            passed_in.reset(token)
        if self.headers.get("content-type", "").startswith("text/event-stream"):
            self.reader.end(self._now())
        return self

    async def _receive(self) -> dict[str, Any]:
        if self._requests:
            return self._requests.pop()
        self.listened += 1
        await self._gone.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: Any) -> None:
        await self.room.wait()
        if message["type"] == "http.response.start":
            assert not self.status
            self.status = message["status"]
            self.headers = {name.decode(): value.decode() for name, value in message["headers"]}
            return
        assert self.status
        assert not self.ended
        if self._gone.is_set():
            return
        self.chunks.append(message["body"])
        self.ended = not message.get("more_body", False)
        if self.headers.get("content-type", "").startswith("text/event-stream"):
            self.events += self.reader.feed(message["body"], self._now())


@asynccontextmanager
async def started(
    bot: Bot, clock: Clock | None = None, **app: Any
) -> AsyncIterator[tuple[Exchange, asyncio.Task[Exchange]]]:
    """A query to this bot that is under way; ended by disconnecting if the test leaves it running."""
    exchange = Exchange(clock, bot.limits)
    task = asyncio.create_task(exchange.run(create_app(bot, **{"access_key": KEY, **app})))
    await settle()
    try:
        yield exchange, task
    finally:
        if not task.done():
            exchange.disconnect()
            exchange.room.set()
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task


async def ask(bot: Bot, body: object = SMALL, clock: Clock | None = None, **app: Any) -> Exchange:
    """One whole query to this bot."""
    return await Exchange(clock, bot.limits).run(create_app(bot, **{"access_key": KEY, **app}), body)


def query(text: str = "hi", **fields: Any) -> dict[str, Any]:
    """The body of a query with one message."""
    return {**SMALL, "query": [{"role": "user", "content": text, **fields.pop("message", {})}], **fields}
