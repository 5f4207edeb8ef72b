"""Calls that must type-check, as strictly as mypy can."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Literal

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
from poe_asgi.server import ReactionContext, SettingsContext

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
