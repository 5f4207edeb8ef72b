"""The official SDK's client and our bots, our client and its bots, and both against a Poe that is played here.

What it cannot serve: tool calls that a handler yields in a `PartialResponse` leave its server as an empty text. Its
bots of these tests send them as what they are on the wire, which it lets through.
"""

from __future__ import annotations

import asyncio
import io
import json
from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx
import pytest
from sse_starlette import ServerSentEvent

from poe_asgi import (
    Answer,
    AnswerError,
    Bot,
    Data,
    File,
    InsufficientFundError,
    Message,
    Meta,
    QueryContext,
    ReplaceResponse,
    SuggestedReply,
    Text,
    assistant,
    create_app,
    system,
    user,
)
from poe_asgi.client import PoeClient, Retry, Tool
from poe_asgi.errors import BotError, InvalidKeyError, UnknownBotError
from poe_asgi.local import Amount, FakePoe, ToolCall
from poe_asgi.protocol import Attachment, Json
from tests.interop.official import DEPRECATED_CALLS, bot, fp, partials, request, serving_theirs
from tests.server.serving import serving
from tests.support import KEY

pytestmark = [pytest.mark.asyncio, *DEPRECATED_CALLS]

HOSTILE = ["\r\n\r\n", "\u2028\u2029\u0085", "event: done\ndata: {}\n\n", "\ufeff", "\U0001f600", '"\\/', "\x00\x1b\x7f"]
FILE = File(url="https://files.test/a%20b.png", name="a b.png", content_type="image/png", inline_ref="ref")
WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "The weather in a city.",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}


def get_weather(city: str) -> dict[str, Any]:
    """The weather in a city."""
    return {"city": city, "sky": "grey"}


def ours(handler: Callable[[QueryContext], Answer], **declared: Any) -> Any:
    """An app with a bot of ours, at the place where Poe would have it."""
    made = Bot("Bot", **declared)
    made.query(handler)
    return create_app({"/bot/Bot": made}, access_key=KEY)


def our_client(base_url: str, **options: Any) -> PoeClient:
    return PoeClient(base_url=base_url, **{"api_key": KEY, "retry": Retry(attempts=1), **options})


# ---- their client, our bots


async def test_their_client_reads_every_event_of_our_bots() -> None:
    async def handler(ctx: QueryContext) -> Answer:
        yield "draft"
        yield ReplaceResponse("new: ")
        yield FILE
        yield "![x][ref]"
        yield SuggestedReply("more")

    with serving(ours(handler, meta=Meta(content_type="text/plain", suggested_replies=True))) as port:
        meta, *rest = await partials(f"http://127.0.0.1:{port}", request())
    assert isinstance(meta, fp.MetaResponse)
    assert (meta.content_type, meta.suggested_replies) == ("text/plain", True)
    assert [(each.text, each.is_replace_response, each.is_suggested_reply) for each in rest] == [
        ("draft", False, False),
        ("new: ", True, False),
        ("", False, False),
        ("![x][ref]", False, False),
        ("more", False, True),
    ]
    assert rest[2].attachment == fp.Attachment(
        url=FILE.url, name=FILE.name, content_type=FILE.content_type, inline_ref="ref"
    )


@pytest.mark.parametrize("text", HOSTILE)
async def test_any_text_of_ours_arrives_at_their_client(text: str) -> None:
    async def handler(ctx: QueryContext) -> Answer:
        yield ctx.text

    with serving(ours(handler)) as port, _Session() as session:
        answer = await fp.get_final_response(
            request(text), "Bot", KEY, base_url=f"http://127.0.0.1:{port}/bot/", session=await session.opened()
        )
    assert answer == text
