"""The bytes of a question."""

from __future__ import annotations

import json

from tests.support import KEY, query


def request(text: str) -> bytes:
    """A whole HTTP request that asks this."""
    body = json.dumps(query(text)).encode()
    head = f"POST / HTTP/1.1\r\nHost: bot.test\r\nAuthorization: Bearer {KEY}\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body
