"""As much of ASGI as playing Poe needs: a request that is read whole, and a response that ends with its client."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, MutableMapping
from contextlib import aclosing, suppress
from dataclasses import KW_ONLY, dataclass, field
from typing import Any, TypeAlias
from urllib.parse import parse_qsl, quote

Scope: TypeAlias = MutableMapping[str, Any]
AsgiMessage: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[AsgiMessage]]
Send: TypeAlias = Callable[[AsgiMessage], Awaitable[None]]
AsgiApp: TypeAlias = Callable[[Scope, Receive, Send], Awaitable[None]]

_MAX_BODY = 64 * 2**20  # more than an upload of the largest file


class GoneError(Exception):
    """The client left before its request had come in full."""


class TooLargeError(Exception):
    """The body of a request is too large."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Incoming:
    """A request. ``path`` is still percent-encoded; ``base_url`` is where this app stands; header names are lower."""

    method: str
    path: str
    base_url: str
    headers: Mapping[str, str]
    query: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """A whole HTTP answer, given as it is."""

    status: int = 200
    _: KW_ONLY
    body: bytes = b""
    content_type: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Streamed:
    """An event stream under way, closed where it was sent from."""

    chunks: AsyncGenerator[bytes, None]
    headers: Mapping[str, str] = field(default_factory=dict)


def json_answer(data: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> HttpAnswer:
    """JSON escaped to ASCII."""
    return HttpAnswer(status, body=json.dumps(data).encode("ascii"), headers=headers or {})


async def read(scope: Scope, receive: Receive) -> Incoming:
    """The request. Raises GoneError, and TooLargeError."""
    body = bytearray()
    more = True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise GoneError
        body += message.get("body", b"")
        if len(body) > _MAX_BODY:
            raise TooLargeError
        more = message.get("more_body", False)
    headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
    root = quote(scope.get("root_path", ""))
    path = (scope.get("raw_path") or quote(scope["path"]).encode()).decode("latin-1")
    return Incoming(
        method=scope["method"],
        path=path.removeprefix(root),
        base_url=f"{scope['scheme']}://{headers.get('host', 'localhost')}{root}",
        headers=headers,
        query=dict(parse_qsl(scope["query_string"].decode("latin-1"))),
        body=bytes(body),
    )


async def respond(answer: HttpAnswer | Streamed, receive: Receive, send: Send) -> None:
    """Send the answer. A stream is closed when it ends, when it fails, and when its client leaves."""
    if isinstance(answer, HttpAnswer):
        length = str(len(answer.body))
        await _start(
            send, answer.status, {"content-type": answer.content_type, "content-length": length, **answer.headers}
        )
        await send({"type": "http.response.body", "body": answer.body, "more_body": False})
        return
    await _start(send, 200, {"content-type": "text/event-stream", "cache-control": "no-store", **answer.headers})
    sending = asyncio.create_task(_send_all(answer.chunks, send))
    leaving = asyncio.create_task(_until_gone(receive))
    try:
        await asyncio.wait([sending, leaving], return_when=asyncio.FIRST_COMPLETED)
    finally:
        leaving.cancel()
        sending.cancel()
        await asyncio.wait([sending, leaving])
    with suppress(asyncio.CancelledError):  # that of the client's leaving
        sending.result()


async def serve_lifespan(receive: Receive, send: Send) -> None:
    """Nothing to open, nothing to close."""
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return


async def _start(send: Send, status: int, headers: Mapping[str, str]) -> None:
    raw = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": status, "headers": raw})


async def _send_all(chunks: AsyncGenerator[bytes, None], send: Send) -> None:
    async with aclosing(chunks):
        async for chunk in chunks:
            await send({"type": "http.response.body", "body": chunk, "more_body": True})
    await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
