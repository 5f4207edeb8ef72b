"""Hand-written chat completions: what a server sends is on the page."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any

from poe_asgi.chat import ChatDelta, PoeChatModel
from poe_asgi.client import NO_RETRY
from poe_asgi.local import AsgiTransport
from tests.client.support import Answers, for_ever, refusal, stream

__all__ = [
    "Answers",
    "DONE",
    "KEY",
    "call",
    "chunk",
    "data",
    "for_ever",
    "merged",
    "model",
    "refusal",
    "stream",
    "whole",
]

KEY = "secret-key-of-the-tests"
DONE = b"data: [DONE]\n\n"
USAGE = {"prompt_tokens": 7, "completion_tokens": 3, "total_tokens": 10}

Chunks = Sequence[bytes | Callable[[], Awaitable[object]]]


def model(app: Any, **options: Any) -> PoeChatModel:
    """A model of this app, that does not try again unless told."""
    return PoeChatModel(**{"api_key": KEY, "transport": AsgiTransport(app), "retry": NO_RETRY, **options})


def data(value: Any) -> bytes:
    """An event with this value."""
    return b"data: " + json.dumps(value).encode() + b"\n\n"


def chunk(*, finish: str | None = None, more: dict[str, Any] | None = None, **delta: Any) -> bytes:
    """An event with a delta."""
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    return data(
        {"id": "chatcmpl-1", "object": "chat.completion.chunk", "model": "m", "choices": [choice], **(more or {})}
    )


def call(name: str, arguments: str = "{}", *, id: str = "call_1", **more: Any) -> dict[str, Any]:  # noqa: A002
    """A whole call of a tool, as it is sent."""
    return {"id": id, "type": "function", "function": {"name": name, "arguments": arguments}, **more}


def whole(
    content: Any = "", *, finish: str = "stop", usage: Any = None, **message: Any
) -> tuple[int, dict[str, str], Chunks]:
    """A completion that is not streamed."""
    choice = {"index": 0, "message": {"role": "assistant", "content": content, **message}, "finish_reason": finish}
    body = {"id": "chatcmpl-1", "object": "chat.completion", "model": "m", "choices": [choice], "usage": usage or USAGE}
    return 200, {"content-type": "application/json"}, [json.dumps(body).encode()]


def merged(deltas: Iterable[ChatDelta]) -> tuple[str, str, dict[str, Any]]:
    """Text, thoughts and json as a caller puts them together."""
    text = thoughts = ""
    json: dict[str, Any] = {}
    for delta in deltas:
        text = delta.text if delta.replaces else text + delta.text
        thoughts += delta.thoughts
        json |= delta.json
    return text, thoughts, json
