"""What the benchmark bots are asked: queries as Poe sends them."""

from __future__ import annotations

import json
from typing import Any

KEY = "benchmark-key-of-32-characters.."


def body(text: str, *, history: int = 0) -> bytes:
    """A query as Poe sends it: ``history`` messages of about 1,000 bytes each, then ``text``."""
    prose = "The quick brown fox jumps over the lazy dog.\n" * 17
    messages = [_message(number, prose) for number in range(history)]
    query: dict[str, Any] = {
        "version": "1.2",
        "type": "query",
        "query": [*messages, _message(0, text)],
        "user_id": f"u-{'0' * 32}",
        "conversation_id": f"c-{'0' * 32}",
        "message_id": f"m-{'1' * 32}",
        "metadata": "",
        "temperature": None,
        "skip_system_prompt": False,
        "stop_sequences": [],
        "logit_bias": {},
        "language_code": "en",
        "bot_query_id": "",
        "users": [],
    }
    return json.dumps(query).encode()


def request(payload: bytes) -> bytes:
    """The HTTP request that posts ``payload`` on a connection of its own."""
    head = (
        "POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\nContent-Type: application/json\r\n"
        f"Authorization: Bearer {KEY}\r\nContent-Length: {len(payload)}\r\n\r\n"
    )
    return head.encode() + payload


def _message(number: int, content: str) -> dict[str, Any]:
    return {
        "role": "bot" if number % 2 else "user",
        "content": content,
        "content_type": "text/markdown",
        "timestamp": 1_700_000_000_000_000 + number,
        "message_id": f"m-{number:032}",
        "feedback": [],
        "attachments": [],
        "metadata": None,
        "parameters": {},
    }
