"""Calls that must type-check, as strictly as mypy can."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, assert_type

from pydantic import BaseModel

from poe_asgi import (
    Answer,
    AnswerError,
    Bot,
    Data,
    File,
    Limits,
    Message,
    Meta,
    PoeChatModel,
    QueryContext,
    ReplaceResponse,
    Settings,
    SuggestedReply,
    Text,
    UserMessageTooLongError,
    assistant,
    bot_routes,
    create_app,
    running,
    system,
    user,
)
from poe_asgi.chat import BotModel, ChatModel, ChatResult, ChatStream, ParsedResult, inline_file
from poe_asgi.server import ReactionContext, SettingsContext
from poe_asgi.testing import ScriptedModel

bot = Bot(
    "Shout",
    settings=Settings(introduction_message="I shout."),
    meta=Meta(content_type="text/plain"),
    limits=Limits(total_seconds=300),
)


@bot.query
async def shout(ctx: QueryContext) -> Answer:
    if len(ctx.text) > 4_000:
        raise UserMessageTooLongError("Please send less than 4,000 characters.")
    yield "thinking"
    yield ReplaceResponse(ctx.text.upper())
    yield SuggestedReply("again")
    yield Text("x")
    yield Data("x")
    yield File(url="u", name="n", content_type="text/plain")
    yield helper()
    yield nested()


async def helper() -> AsyncIterator[str]:
    yield "x"


async def nested() -> Answer:
    yield helper()


@dataclass
class Deps:
    name: str


class Options(BaseModel):
    style: Literal["a", "b"] = "a"


@asynccontextmanager
async def resources() -> AsyncIterator[Deps]:
    yield Deps("x")


def choose(ctx: QueryContext[Deps]) -> Meta:
    return Meta(content_type="text/plain" if ctx.text else "text/markdown")


typed = Bot(
    lifespan=resources, parameters=Options, meta=choose, errors={TimeoutError: AnswerError("Busy.", allow_retry=True)}
)


@typed.query
async def with_deps(ctx: QueryContext[Deps]) -> Answer:
    yield ctx.deps.name.upper()
    yield ctx.parameters_as(Options).style
    remembered = ctx.recall(Options)
    if remembered is not None:
        yield remembered.style
    messages: tuple[Message, ...] = (system("s"), *ctx.prompt(alternate=True), user("u"), assistant("a"))
    yield messages[0].replace(content="x").content
    yield Data.dump(Options())


@typed.on_settings
async def settings(ctx: SettingsContext[Deps]) -> Settings:
    return Settings(introduction_message=ctx.deps.name)


@typed.on_reaction
async def reaction(ctx: ReactionContext) -> None:
    ctx.log.info(ctx.request.reaction)


claude = typed.uses("Claude-Sonnet-4.6", calls=3)
app = create_app({"/shout": bot, "/typed": typed}, access_key=["a" * 32, "b" * 32])
routes = bot_routes(bot, path="/poe")
lifespan = running(bot, typed)
# registered functions come back unchanged
generator: Answer = with_deps(QueryContext.__new__(QueryContext))


class Recipe(BaseModel):
    name: str


def temperature(city: str) -> int:
    """The temperature in a city."""
    return len(city)


model = PoeChatModel(model="claude-3-opus", model_options={"temperature": 0.7})


async def asking() -> None:
    result = await model.invoke([{"role": "user", "content": "Which model are you using?"}], reasoning_effort="low")
    assert_type(result, ChatResult)
    assert_type(await model.invoke("x", streaming=False), ChatResult)
    assert_type(await model.invoke("x", streaming=True), ChatStream)
    assert_type(model.stream(user("x"), tools=[temperature], tool_choice=temperature, max_rounds=2), ChatStream)
    await model.invoke([user("x"), {"role": "user", "content": ["x", Path("cat.png"), b"x"]}, *result.messages])
    await model.invoke([system("x"), user("x", await inline_file(b"x", name="x.png"))])
    async with model.stream("x") as stream:
        async for delta in stream:
            delta.text.upper()
            delta.json.get("usage")
    total = stream.result.usage + result.usage
    assert_type(total.input_tokens, int)
    parsed = await model.parse("x", Recipe, repairs=1, tools=[temperature], temperature=0)
    assert_type(parsed, ParsedResult[Recipe])
    parsed.parsed.name.upper()
    listed = await model.parse("x", list[Recipe])
    listed.parsed[0].name.upper()


async def in_short(model: ChatModel) -> str:
    whole = await model.invoke("x", temperature=0)
    assert_type(whole, ChatResult)
    assert_type((await model.parse("x", Recipe)).parsed, Recipe)
    return whole.text + model.model


@asynccontextmanager
async def open_model() -> AsyncIterator[ChatModel]:
    async with PoeChatModel() as opened:
        yield opened


cook = Bot(lifespan=open_model)


@cook.query
async def models_answer(ctx: QueryContext[ChatModel]) -> Answer:
    bot_model: BotModel = ctx.poe.model(claude, model_options={"temperature": 0.2})
    scripted = ScriptedModel("x")
    fit: list[ChatModel] = [model, bot_model, scripted, ctx.poe.model("X")]
    for each in fit:
        yield await in_short(each)
        yield each.stream(ctx.prompt()).answer()
    yield model.stream(ctx.prompt()).answer(thoughts="quote")
    yield ctx.deps.stream(ctx.messages).answer(thoughts="show")
