"""One bot under both servers, and the normal form in which their answers are compared."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import httpx
import pytest

from poe_asgi import Meta, create_app
from poe_asgi.client import HttpRequest, read_bounded
from poe_asgi.compat import from_fastapi_poe
from poe_asgi.local import AsgiTransport, FakePoe
from poe_asgi.protocol import Data, File, ReplaceResponse, Reply, ResponseReader, StreamEvent, SuggestedReply, Text
from tests.interop.official import fp
from tests.support import KEY, query

ASKED: dict[str, Any] = {
    "version": "1.2",
    "user_id": "u-1",
    "conversation_id": "c-1",
    "message_id": "m-1",
    "bot_query_id": "q-1",
    "new": "thing",
}


def asked(text: str = "Hello", **fields: Any) -> dict[str, Any]:
    """A query that the official server takes, too: it needs every id."""
    return query(text, **{**ASKED, **fields})


def theirs(bot: fp.PoeBot) -> Any:
    """The bot under the official server."""
    return fp.make_app(bot, KEY if bot.access_key is None else "")


def ours(bot: fp.PoeBot) -> Any:
    """The bot under this one."""
    return create_app(from_fastapi_poe(bot), access_key=KEY)


async def post(app: Any, body: Any, *, path: str = "/", key: str = KEY) -> tuple[int, bytes]:
    """A whole HTTP answer."""
    headers = {"authorization": f"Bearer {key}", "content-type": "application/json", "x-test": "yes"}
    request = HttpRequest(
        method="POST", url=f"http://bot.test{path}", headers=headers, content=json.dumps(body).encode()
    )
    response = await AsgiTransport(app).send(request)
    try:
        return response.status, await read_bounded(response, 2**26)
    finally:
        await response.aclose()


async def answer(app: Any, body: Any, *, path: str = "/") -> Reply:
    """A whole answer, judged."""
    status, raw = await post(app, body, path=path)
    assert status == 200, raw
    reader = ResponseReader()
    events = reader.feed(raw, 0)
    reader.end(0)
    return Reply.of(reader, events)


def normal_form(events: Sequence[StreamEvent]) -> list[StreamEvent]:
    """What an answer says, without what says nothing.

    There is one `meta`, the default where none came first; Poe ignores others. Text that follows text is one event, empty text none; of adjacent
    replacements the last one counts, and text after it is a part of it; of data the last counts. Addresses and inline
    references of files are numbered.
    """
    named = _numbered(events)
    events = [named(event) for event in events]
    data = [event for event in events if isinstance(event, Data)]
    normal: list[StreamEvent] = [] if isinstance(events[0], Meta) else [Meta()]
    for event in events:
        before = normal[-1] if normal else None
        if (
            event == Text("")
            or (isinstance(event, Meta) and normal)
            or (isinstance(event, Data) and event is not data[-1])
        ):
            continue
        if isinstance(event, Text) and isinstance(before, (Text, ReplaceResponse)):
            normal[-1] = type(before)(before.text + event.text)
        elif isinstance(event, ReplaceResponse) and isinstance(before, (Text, ReplaceResponse)):
            normal[-1] = event
        else:
            normal.append(event)
    return normal


def _numbered(events: Sequence[StreamEvent]) -> Any:
    names: dict[str, str] = {}
    for event in events:
        if isinstance(event, File):
            for value in filter(None, (event.url, event.inline_ref)):
                names.setdefault(value, f"name-{len(names)}")

    def renamed(event: StreamEvent) -> StreamEvent:
        if isinstance(event, File):
            return replace(event, url=names[event.url], inline_ref=names.get(event.inline_ref or ""))
        if isinstance(event, (Text, ReplaceResponse, SuggestedReply)):
            text = event.text
            for value, name in names.items():
                text = text.replace(value, name)
            return type(event)(text)
        return event

    return renamed


@pytest.fixture
def poe(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakePoe]:
    """The local Poe, for what the official SDK sends by itself, too: it takes no address from outside."""
    fake = FakePoe()

    class Client(httpx.AsyncClient):
        def __init__(self, **options: Any) -> None:
            super().__init__(**{**options, "transport": httpx.ASGITransport(fake)})

    monkeypatch.setattr(httpx, "AsyncClient", Client)
    with fake.installed():
        yield fake
