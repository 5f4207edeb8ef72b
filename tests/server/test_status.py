from __future__ import annotations

import asyncio

import pytest

from poe_asgi import Answer, Bot, QueryContext
from tests.support import ManualClock, ask, settle, started

pytestmark = pytest.mark.asyncio


async def test_a_status_ticks_and_then_what_stood_before_comes_back() -> None:
    clock, painted = ManualClock(), asyncio.Event()
    bot = Bot()

    async def paint() -> str:
        await painted.wait()
        return "a picture"

    @bot.query
    async def handler(ctx: QueryContext) -> Answer:
        yield "Here: "
        yield (status := ctx.status("Painting…", paint()))
        yield status.result

    async with started(bot, clock) as (exchange, task):
        assert exchange.text == "Here: Painting…"
        await clock.advance(2)
        assert exchange.text == "Here: Painting… (2 s)"
        await clock.advance(600)
        assert exchange.text == "Here: Painting… (600 s)"
        painted.set()
        await task
    assert exchange.text == "Here: a picture"
    assert exchange.reader.clean
    assert exchange.reader.events < 160  # a tick a second at first, then one every five


async def test_what_the_awaitable_raises_is_raised_at_the_yield() -> None:
    bot = Bot()

    async def paint() -> str:
        raise LookupError

    @bot.query
    async def handler(ctx: QueryContext) -> Answer:
        try:
            yield ctx.status("Painting…", paint())
        except LookupError:
            yield "no paint"

    assert (await ask(bot)).text == "no paint"


async def test_the_awaitable_is_cancelled_with_the_handler() -> None:
    bot, ended = Bot(), []

    async def paint() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append(True)

    @bot.query
    async def handler(ctx: QueryContext) -> Answer:
        yield ctx.status("Painting…", paint())

    async with started(bot) as (exchange, task):
        exchange.disconnect()
        await task
    assert ended == [True]
    await settle()
    assert len(asyncio.all_tasks()) == 1


async def test_a_result_before_the_status_was_yielded_is_a_clear_mistake() -> None:
    bot = Bot()

    @bot.query
    async def handler(ctx: QueryContext) -> Answer:
        waiting = asyncio.get_running_loop().create_future()
        status = ctx.status("x", waiting)
        with pytest.raises(RuntimeError, match="yield it first"):
            _ = status.result
        waiting.set_result(None)
        yield status

    assert (await ask(bot)).reader.clean
