"""A server bot at a URL, asked as Poe asks it."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from ..client import Connection, HttpRequest, HttpResponse, read_bounded
from ..errors import SSEError
from ..protocol import PROTOCOL_VERSION, QueryRequest, Reply, ResponseReader, StreamEvent
from ._exits import Exit, Failure

_BODY_BYTES = 2**20
_READ_SECONDS = 600.0
_MEANINGS = {
    401: "The access key is missing or wrong: give --key, or set POE_ACCESS_KEY.",
    404: "There is nothing at this path. Several bots in one app have a path each.",
    405: "It does not take POST requests, so it is no server bot.",
}


@dataclass(slots=True)
class Asked:
    """An answer under way: iterate ``events``; ``reader`` judges, and ``reply`` is what has come so far."""

    response: HttpResponse
    started: float
    reader: ResponseReader
    seen: list[StreamEvent] = field(default_factory=list)
    first: float | None = None
    seconds: float = 0.0

    async def events(self) -> AsyncIterator[StreamEvent]:
        """Raises ConnectionFailedError when the connection breaks."""
        try:
            async for chunk in self.response.chunks():
                now = time.monotonic()
                self.seconds = now - self.started
                for event in self.reader.feed(chunk, now):
                    self.first = self.first if self.first is not None else self.seconds
                    self.seen.append(event)
                    yield event
        except SSEError:
            pass  # the reader has noted it
        finally:
            self.reader.end(time.monotonic())
            await self.response.aclose()

    @property
    def reply(self) -> Reply:
        return Reply.of(self.reader, self.seen, first_event_seconds=self.first, seconds=self.seconds)


class ServerBot:
    """``key`` is its access key, if it has one."""

    def __init__(self, url: str, key: str | None) -> None:
        self.url = url
        self._key = key

    async def ask(self, query: QueryRequest) -> Asked:
        """The answer to a query, as soon as it begins. Raises Failure and UpstreamError."""
        started = time.monotonic()
        response = await self._post(query.to_wire())
        return Asked(response, started, ResponseReader(now=started))

    async def settings(self) -> Mapping[str, Any]:
        """What it says of itself, as it came. Raises Failure and UpstreamError."""
        response = await self._post({"type": "settings", "version": PROTOCOL_VERSION})
        try:
            raw = json.loads(await read_bounded(response, _BODY_BYTES))
        except ValueError:
            raw = None
        finally:
            await response.aclose()
        if not isinstance(raw, dict):
            raise Failure(f"The settings that {self.url} gives are no JSON object.", Exit.NEGATIVE)
        return raw

    async def _post(self, body: Mapping[str, Any]) -> HttpResponse:
        headers = {"content-type": "application/json", "accept": "text/event-stream"}
        if self._key:
            headers["authorization"] = f"Bearer {self._key}"
        request = HttpRequest(
            method="POST",
            url=self.url,
            headers=headers,
            content=json.dumps(body).encode("ascii"),
            read_seconds=_READ_SECONDS,
        )
        response = await Connection(base_url=self.url).transport().send(request)
        if response.status != 200:
            await response.aclose()
            meaning = _MEANINGS.get(response.status, "It should have answered 200.")
            raise Failure(f"{self.url} answered {response.status}. {meaning}", Exit.UPSTREAM)
        return response
