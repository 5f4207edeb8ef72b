"""The bot by hand: the least an ASGI app can do for a correct answer to a correct query.

It has no limits, no pings, no timeouts, no check of the query's fields, and no answer to an exception or a lost peer.
"""

from __future__ import annotations

import hmac
import json
import os
from functools import cache
from typing import TYPE_CHECKING, Any

from benchmarks.answers import READY, events, paced

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from starlette.types import Receive, Scope, Send

AUTHORIZATION = f"Bearer {os.environ['POE_ACCESS_KEY']}".encode()
HEADERS = [(b"content-type", b"text/event-stream"), (b"cache-control", b"no-store")]


async def answer(text: str) -> AsyncGenerator[str, None]:
    if text in READY:
        for token in READY[text]:
            yield token
    else:
        async for token in paced(text):
            yield token


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] != "http":
        raise NotImplementedError(scope["type"])
    if not hmac.compare_digest(dict(scope["headers"]).get(b"authorization", b""), AUTHORIZATION):
        await send({"type": "http.response.start", "status": 401, "headers": [(b"content-length", b"0")]})
        await send({"type": "http.response.body"})
        return
    text = json.loads(await _read(receive))["query"][-1]["content"]
    await send({"type": "http.response.start", "status": 200, "headers": HEADERS})
    await send(_event("meta", {"content_type": "text/markdown", "suggested_replies": False}))
    if text == "events":
        await send(_at_once())
    else:
        async for token in answer(text):
            await send(_event("text", {"text": token}))
    await send(_event("done", {}, more_body=False))


async def _read(receive: Receive) -> bytes:
    parts = []
    more = True
    while more:
        message = await receive()
        parts.append(message.get("body", b""))
        more = message.get("more_body", False)
    return b"".join(parts)


def _event(kind: str, data: dict[str, Any], *, more_body: bool = True) -> dict[str, Any]:
    frame = f"event: {kind}\ndata: {json.dumps(data)}\n\n".encode()
    return {"type": "http.response.body", "body": frame, "more_body": more_body}


@cache
def _at_once() -> dict[str, Any]:
    body = b"".join(_event("text", {"text": token})["body"] for token in events())
    return {"type": "http.response.body", "body": body, "more_body": True}
