"""What a `Bot` can be told that is made of something else: a path, the body of a request, a `meta` of its handler's."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from poe_asgi import Bot, Meta, create_app
from poe_asgi.errors import ResponseError
from poe_asgi.protocol import Done, Text
from poe_asgi.testing import ManualClock
from tests.support import KEY, SMALL, Exchange, ask, settle, started

pytestmark = pytest.mark.asyncio

PLAIN = Meta(content_type="text/plain")


class Made(Bot):
    path = "/made"
    keeps_body = True
    meta_seconds = 4


async def test_it_is_served_at_its_path() -> None:
    bot = Made()

    @bot.query
    async def handler(ctx: Any) -> Any:
        yield "x"

    app = create_app(bot, access_key=KEY)
    for path in ("/made", "/made/"):
        assert (await Exchange().run(app, path=path)).text == "x"
    assert (await Exchange().run(app)).status == 404


async def test_its_handler_can_ask_for_the_body_and_for_a_disconnect_that_is_not_there() -> None:
    bot = Bot()
    bot.keeps_body = True

    @bot.query
    async def handler(ctx: Any) -> Any:
        assert await ctx.http.json() == SMALL
        assert await ctx.http.body()
        assert ctx.http.scope["poe_asgi.sent"] == SMALL
        assert not await ctx.http.is_disconnected()
        yield "x"

    assert (await ask(bot)).text == "x"


async def test_a_context_has_the_key_of_its_request() -> None:
    bot = Bot()
    keys: list[str | None] = []

    @bot.query
    async def handler(ctx: Any) -> Any:
        keys.append(ctx.access_key)
        yield repr(ctx)

    assert KEY not in (await ask(bot)).text
    await ask(bot, access_key=None, allow_without_key=True)
    assert keys == [KEY, None]


async def test_its_handler_says_the_meta() -> None:
    bot = Bot()
    bot.meta_seconds = 4

    @bot.query
    async def handler(ctx: Any) -> Any:
        yield PLAIN
        yield "x"

    assert (await ask(bot)).events == [PLAIN, Text("x"), Done()]


async def test_a_meta_that_comes_too_late_is_an_error_at_the_yield() -> None:
    bot = Bot(meta=PLAIN)
    bot.meta_seconds = 4

    @bot.query
    async def handler(ctx: Any) -> Any:
        yield "a"
        with pytest.raises(ResponseError) as caught:
            yield Meta()
        assert caught.value.rule == "meta-once"
        yield "b"

    assert (await ask(bot)).events == [PLAIN, Text("ab"), Done()]


async def test_the_meta_of_the_bot_goes_out_when_the_handler_says_none_in_time() -> None:
    bot = Bot(meta=PLAIN)
    bot.meta_seconds = 4

    @bot.query
    async def handler(ctx: Any) -> Any:
        await asyncio.Event().wait()
        yield ""

    clock = ManualClock()
    async with started(bot, clock) as (exchange, _):
        await clock.advance(3.9)
        assert exchange.events == []
        await clock.advance(0.1)
        await settle()
        assert exchange.events == [PLAIN]
        assert exchange.reader.violations == []
