"""Calls that must not type-check: each line marked so has to be an error, and no other line may be one."""

from __future__ import annotations

from collections.abc import AsyncIterator

from poe_asgi import Answer, Bot, File, Limits, Meta, QueryContext, Settings, create_app, user
from poe_asgi.protocol import Done, ErrorEvent

bot = Bot("Shout")


@bot.query
async def wrong_yields(ctx: QueryContext) -> Answer:
    yield Meta()  # refused
    yield Done()  # refused
    yield ErrorEvent(text="x")  # refused
    yield None  # refused
    yield b"x"  # refused
    yield ["x"]  # refused
    yield coroutine()  # refused
    yield wrong_items()  # refused


async def coroutine() -> str:
    return "x"


async def wrong_items() -> AsyncIterator[int]:
    yield 1


@bot.query  # refused
async def no_generator(ctx: QueryContext) -> str:
    return "x"


@bot.on_settings  # refused
async def no_settings(ctx: object) -> str:
    return "x"


Bot(setings=Settings())  # refused
Bot(meta="text/plain")  # refused
Limits(3600)  # refused
File("u", "n", "c")  # refused
Settings(allow_attachment=True)  # refused
create_app("bot")  # refused
user("hi", "a.png")  # refused
