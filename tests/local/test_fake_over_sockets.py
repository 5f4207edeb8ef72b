"""`FakePoe` behind a real server, and bots behind it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator
from typing import Any

import pytest

from poe_asgi import Answer, Bot, QueryContext, Text
from poe_asgi.client import NO_RETRY, PoeClient, close_pool
from poe_asgi.errors import BotError, RateLimitedError
from poe_asgi.local import FakePoe, Script, ToolCall
from poe_asgi.protocol import Json
from tests.server.serving import PATIENCE, serving

pytestmark = pytest.mark.asyncio


async def test_a_poe_on_a_socket_is_reached_by_its_base_url(monkeypatch: pytest.MonkeyPatch) -> None:
    poe = FakePoe()
    poe.bot("Claude", Script("Let me ", "see.", ToolCall("now"), chunk_bytes=5))
    bot = Bot("Mine")

    @bot.query
    async def handler(ctx: QueryContext) -> Answer:
        yield ctx.text.upper()

    poe.bot("Mine", bot)
    with serving(poe) as port:
        monkeypatch.setenv("POE_BASE_URL", f"http://127.0.0.1:{port}")
        async with PoeClient(api_key="k", retry=NO_RETRY) as client:
            reply = await client.ask("Claude", "hi")
            assert str(reply) == "Let me see."
            assert sum(isinstance(event, Json) for event in reply.events) == 4
            assert str(await client.ask("Mine", "hi")) == "HI"
            poe.rate_limited(retry_after=3)
            with pytest.raises(RateLimitedError) as caught:
                await client.ask("Claude", "hi")
            assert caught.value.retry_after == 3
    assert [call.bot for call in poe.calls] == ["Claude", "Mine", "Claude"]
    await close_pool()


async def test_a_caller_that_hangs_up_ends_the_script() -> None:
    ended = threading.Event()

    async def waits(call: Any) -> AsyncIterator[Any]:
        try:
            yield "x"
            await asyncio.Event().wait()
        finally:
            ended.set()

    poe = FakePoe()
    poe.bot("Claude", waits)
    with serving(poe) as port:
        base_url = f"http://127.0.0.1:{port}"
        async with PoeClient(api_key="k", base_url=base_url) as client, client.stream("Claude", "hi") as stream:
            assert await anext(aiter(stream)) == Text("x")
        assert await asyncio.to_thread(ended.wait, PATIENCE)


async def test_a_bot_whose_server_is_gone_is_an_internal_error() -> None:
    poe = FakePoe()

    async def gone(scope: Any, receive: Any, send: Any) -> None:
        raise OSError

    poe.bot("Mine", gone)
    with serving(poe) as port:
        async with PoeClient(api_key="k", base_url=f"http://127.0.0.1:{port}", retry=NO_RETRY) as client:
            with pytest.raises(BotError, match="Internal server error"):
                await client.ask("Mine", "hi")
