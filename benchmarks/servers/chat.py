"""A model behind the OpenAI-compatible API that has all of a long answer ready at once: food for clients."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from benchmarks.answers import chat_tokens

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

HEADERS = [(b"content-type", b"text/event-stream"), (b"cache-control", b"no-store")]
USAGE = {"prompt_tokens": 9, "completion_tokens": len(chat_tokens()), "total_tokens": 9 + len(chat_tokens())}


def frame(choices: list[dict[str, Any]], usage: dict[str, Any] | None = None) -> bytes:
    """One chunk, with the members that Poe's have."""
    chunk = {
        "id": "chatcmpl-8f3b1c5d7e9a4f6b8c2d0e1f3a5b7c9d",
        "object": "chat.completion.chunk",
        "created": 1_760_000_000,
        "model": "benchmark",
        "choices": choices,
        "usage": usage,
    }
    return f"data: {json.dumps(chunk)}\n\n".encode()


def choice(delta: dict[str, Any], finish_reason: str | None = None) -> list[dict[str, Any]]:
    return [{"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish_reason}]


ANSWER = b"".join(
    [
        frame(choice({"role": "assistant", "content": ""})),
        *(frame(choice({"content": token})) for token in chat_tokens()),
        frame(choice({}, "stop")),
        frame([], USAGE),
        b"data: [DONE]\n\n",
    ]
)


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] != "http":
        raise NotImplementedError(scope["type"])
    while (await receive()).get("more_body"):
        pass
    await send({"type": "http.response.start", "status": 200, "headers": HEADERS})
    await send({"type": "http.response.body", "body": ANSWER})
