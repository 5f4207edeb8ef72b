"""Hand-written servers for the client's tests: what they send is on the page, byte for byte."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from poe_asgi.client import PoeClient, Retry, Timeouts
from poe_asgi.local import AsgiTransport

META = b'event: meta\ndata: {"content_type": "text/markdown"}\n\n'
DONE = b"event: done\ndata: {}\n\n"


def text(words: str) -> bytes:
    return f"event: text\ndata: {json.dumps({'text': words})}\n\n".encode()


def event(kind: str, **data: Any) -> bytes:
    return f"event: {kind}\ndata: {json.dumps(data)}\n\n".encode()


class Answers:
    """An ASGI app that gives these answers one after the other, the last one again and again, and keeps the requests.

    An answer is (status, headers, chunks); a chunk is bytes, or an awaitable function that is waited for.
    """

    def __init__(self, *answers: tuple[int, dict[str, str], Sequence[bytes | Callable[[], Awaitable[object]]]]) -> None:
        self.answers = answers
        self.requests: list[dict[str, Any]] = []
        self.bodies: list[Any] = []
        self.disconnected = 0
        self.running = 0

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        body, more = b"", True
        while more:
            message = await receive()
            body += message.get("body", b"")
            more = message.get("more_body", False)
        self.requests.append({**scope, "headers": {name.decode(): value.decode() for name, value in scope["headers"]}})
        self.bodies.append(json.loads(body) if body[:1] in b"{[" and body else body)
        status, headers, chunks = self.answers[min(len(self.requests), len(self.answers)) - 1]
        await send(
            {
                "type": "http.response.start",
                "status": status,
                "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
            }
        )
        self.running += 1
        listener = asyncio.create_task(self._listen(receive))
        try:
            for chunk in chunks:
                if isinstance(chunk, bytes):
                    await send({"type": "http.response.body", "body": chunk, "more_body": True})
                else:
                    waiting = asyncio.ensure_future(chunk())
                    await asyncio.wait([waiting, listener], return_when=asyncio.FIRST_COMPLETED)
                    waiting.cancel()
                if listener.done():
                    return
            await send({"type": "http.response.body", "body": b"", "more_body": False})
        finally:
            self.running -= 1
            listener.cancel()

    async def _listen(self, receive: Any) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        self.disconnected += 1


def stream(*chunks: bytes | Callable[[], Awaitable[object]]) -> tuple[int, dict[str, str], Sequence[Any]]:
    """An event stream of these chunks."""
    return 200, {"content-type": "text/event-stream; charset=utf-8"}, chunks


def refusal(status: int, body: object, **headers: str) -> tuple[int, dict[str, str], Sequence[bytes]]:
    """An HTTP error with a JSON body."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return status, {"content-type": "application/json", **named}, [json.dumps(body).encode()]


def client(app: Any, **options: Any) -> PoeClient:
    """A client of this app, that does not try again unless told."""
    options = {"api_key": "secret-key", "retry": Retry(attempts=1), "timeouts": Timeouts(), **options}
    return PoeClient(transport=AsgiTransport(app), **options)


async def for_ever() -> None:
    await asyncio.Event().wait()


def with_lifespan(app: Any) -> Any:
    """This app as a server over sockets wants it."""

    async def whole(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "lifespan":
            await app(scope, receive, send)
            return
        for step in ("startup", "shutdown"):
            await receive()
            await send({"type": f"lifespan.{step}.complete"})

    return whole
