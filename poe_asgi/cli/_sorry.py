"""Answers in place of a bot that cannot be loaded, on the same socket, until it can."""

from __future__ import annotations

import json
import socket
from contextlib import AbstractAsyncContextManager
from typing import Any

from ._loopback import served


def sorry(listener: socket.socket, message: str) -> AbstractAsyncContextManager[None]:
    """While inside, every request is answered 503 with this message."""
    body = json.dumps({"error": {"message": f"The bot cannot be loaded. {message}"}}).encode("ascii")
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
        (b"connection", b"close"),
    ]

    async def app(scope: Any, _: Any, send: Any) -> None:
        if scope["type"] != "http":
            return
        await send({"type": "http.response.start", "status": 503, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    return served(app, listener.dup())
