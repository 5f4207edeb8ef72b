"""The official SDK, and what tests need to serve and to ask bots with it."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest

from tests.server.serving import serving
from tests.support import KEY

with warnings.catch_warnings():
    # One of its models has pydantic's old kind of `config`; it says so when it is imported.
    warnings.filterwarnings("ignore", "Support for class-based `config`", DeprecationWarning)
    import fastapi_poe as fp

__all__ = ["DEPRECATED_CALLS", "bot", "fp", "partials", "request", "serving_theirs"]

# Its server reads requests and writes settings by names that pydantic has deprecated.
DEPRECATED_CALLS = [
    pytest.mark.filterwarnings(f"ignore:The `{name}` method is deprecated:pydantic.PydanticDeprecatedSince20")
    for name in ("parse_obj", "dict")
]


def bot(name: str, get_response: Callable[[fp.QueryRequest], Any]) -> fp.PoeBot:
    """A bot of the official SDK, at the place where Poe would have it."""

    class Theirs(fp.PoeBot):
        async def get_response(self, request: fp.QueryRequest) -> Any:
            async for each in get_response(request):
                yield each

    return Theirs(path=f"/bot/{name}", access_key=KEY)


@contextmanager
def serving_theirs(*bots: fp.PoeBot) -> Iterator[str]:
    """Bots of the official SDK behind uvicorn; gives the base URL of a Poe that has them."""
    with serving(fp.make_app(bots)) as port:
        yield f"http://127.0.0.1:{port}"


def request(*messages: fp.ProtocolMessage | str, **fields: Any) -> fp.QueryRequest:
    """A query in the official SDK's terms."""
    written = [fp.ProtocolMessage(role="user", content=each) if isinstance(each, str) else each for each in messages]
    ids = {"user_id": "", "conversation_id": "", "message_id": ""}
    return fp.QueryRequest(version="1.2", type="query", query=written or [_HI], **{**ids, **fields})


_HI = fp.ProtocolMessage(role="user", content="hi")


async def partials(base_url: str, query: fp.QueryRequest, name: str = "Bot", **options: Any) -> list[Any]:
    """All that the official client makes of an answer. Failures are raised, not printed."""
    options = {"api_key": KEY, "on_error": lambda *_: None, "retry_sleep_time": 0, **options}
    async with httpx.AsyncClient(trust_env=False) as session:
        answer = fp.stream_request(query, name, base_url=f"{base_url}/bot/", session=session, **options)
        return [each async for each in answer]
