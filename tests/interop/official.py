"""The official SDK, and what tests need to ask and to serve bots with it."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest

from tests.server.serving import PATIENCE, serving
from tests.support import KEY

with warnings.catch_warnings():
    # One of its models has pydantic's old kind of `config`, and its import says so.
    warnings.filterwarnings("ignore", "Support for class-based `config`", DeprecationWarning)
    import fastapi_poe as fp
    from fastapi_poe.client import AttachmentUploadError, stream_request_base

__all__ = [
    "AttachmentUploadError",
    "DEPRECATED_CALLS",
    "fp",
    "partials",
    "request",
    "serving_theirs",
    "session",
    "stream_request_base",
]

# Its server reads requests and writes settings with methods that pydantic has deprecated.
DEPRECATED_CALLS = [
    pytest.mark.filterwarnings(f"ignore:The `{name}` method is deprecated:pydantic.PydanticDeprecatedSince20")
    for name in ("parse_obj", "dict")
]


def session() -> httpx.AsyncClient:
    """What its client functions send with: here, without the proxies of this machine."""
    return httpx.AsyncClient(trust_env=False, timeout=PATIENCE)


def request(*messages: fp.ProtocolMessage | str, **fields: Any) -> fp.QueryRequest:
    """A query in its terms."""
    written = [fp.ProtocolMessage(role="user", content=each) if isinstance(each, str) else each for each in messages]
    ids = {"user_id": "", "conversation_id": "", "message_id": ""}
    return fp.QueryRequest(version="1.2", type="query", query=written, **{**ids, **fields})


async def partials(base_url: str, query: fp.QueryRequest, **options: Any) -> list[Any]:
    """All that `stream_request` makes of an answer. What it would print is left out."""
    options = {"api_key": KEY, "on_error": lambda *_: None, "retry_sleep_time": 0, **options}
    async with session() as own:
        answer = fp.stream_request(query, "Bot", base_url=f"{base_url}/bot/", session=own, **options)
        return [each async for each in answer]


@contextmanager
def serving_theirs(get_response: Callable[[fp.QueryRequest], Any]) -> Iterator[str]:
    """A bot of its kind behind uvicorn; gives the base URL of the Poe that has it."""

    class Theirs(fp.PoeBot):
        async def get_response(self, request: fp.QueryRequest) -> Any:
            async for each in get_response(request):
                yield each

    with serving(fp.make_app(Theirs(path="/bot/Bot", access_key=KEY))) as port:
        yield f"http://127.0.0.1:{port}"
