"""What the two that stand in for other bots share: a call goes out, and a refusal comes back."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from ..client import HttpRequest, HttpResponse, PoeClient, read_bounded
from ..local import Call, HttpAnswer

Answers = Callable[[Call], Awaitable[Any]]

BODY_BYTES = 2**20


async def post(client: PoeClient, url: str, body: Mapping[str, Any], key: str) -> HttpResponse:
    """The response to a body in JSON. Raises UpstreamError."""
    headers = {"authorization": f"Bearer {key}", "content-type": "application/json", "accept": "text/event-stream"}
    content = json.dumps(body).encode("ascii")
    return await client.connection.transport().send(
        HttpRequest(method="POST", url=url, headers=headers, content=content)
    )


async def refusal(response: HttpResponse) -> HttpAnswer:
    """A refusal, as it came."""
    try:
        body = await read_bounded(response, BODY_BYTES)
    finally:
        await response.aclose()
    headers = {name: response.headers[name] for name in ("retry-after",) if name in response.headers}
    content_type = response.headers.get("content-type", "application/json")
    return HttpAnswer(response.status, body=body, content_type=content_type, headers=headers)
