"""Calls of a `FakePoe` in process, with the bytes in the test's hand."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from poe_asgi.client import NO_RETRY, HttpRequest, PoeClient, read_bounded
from poe_asgi.local import FakePoe

KEY = "secret-key"


@dataclass(frozen=True, slots=True)
class Came:
    """A whole HTTP answer."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def error(self) -> Any:
        return self.json["error"]


async def post(poe: FakePoe, path: str, body: Any = None, *, key: str | None = f"Bearer {KEY}", **headers: str) -> Came:
    """POST; a body that is not bytes goes as JSON."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode() if body is not None else b""
    return await _send(poe, "POST", path, content, key, headers)


async def get(poe: FakePoe, path: str, *, key: str | None = f"Bearer {KEY}") -> Came:
    return await _send(poe, "GET", path, b"", key, {})


async def _send(poe: FakePoe, method: str, path: str, body: bytes, key: str | None, headers: dict[str, str]) -> Came:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    named |= {"authorization": key} if key is not None else {}
    url = path if path.startswith("http") else f"http://poe.test{path}"
    response = await poe.transport().send(HttpRequest(method=method, url=url, headers=named, content=body))
    try:
        return Came(response.status, dict(response.headers), await read_bounded(response, 2**26))
    finally:
        await response.aclose()


def client(poe: FakePoe, **options: Any) -> PoeClient:
    """A client of this Poe that does not try again unless told."""
    return PoeClient(transport=poe.transport(), **{"api_key": KEY, "retry": NO_RETRY, **options})
