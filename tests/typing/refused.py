"""Calls that must not type-check: each line marked so has to be an error, and no other line may be one."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

from pydantic import BaseModel

from poe_asgi import Answer, Bot, File, Limits, Meta, PoeChatModel, PoeClient, QueryContext, Settings, create_app, user
from poe_asgi.chat import ChatModel
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


class Recipe(BaseModel):
    name: str


model = PoeChatModel(temperature=0.7)  # refused
chat: ChatModel = PoeClient()  # refused


@bot.query
async def model_yielded(ctx: QueryContext) -> Answer:
    yield model.stream(ctx.prompt())  # refused
    yield ctx.poe.model("X").stream(ctx.prompt())  # refused
    yield await model.invoke("x")  # refused
    yield await model.invoke("x", streaming=True)  # refused
    yield model.stream("x").answer("quote")  # refused
    yield model.stream("x").answer(thoughts="loud")  # refused


async def asking(asked: ChatModel) -> None:
    await model.invoke(Path("cat.png"))  # refused
    await model.invoke(["x"])  # refused
    await model.invoke("x", streaming="yes")  # refused
    await model.invoke("x", tools=3)  # refused
    (await model.invoke("x", streaming=True)).text  # refused
    (await model.invoke("x")).parsed  # refused
    (await model.parse("x", Recipe)).parsed.minutes  # refused
    (await asked.parse("x", Recipe)).parsed.minutes  # refused
    asked.ask("x")  # refused
