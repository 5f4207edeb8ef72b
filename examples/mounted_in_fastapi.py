"""A bot among the routes of an existing FastAPI app."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from fastapi import FastAPI

from poe_asgi import Answer, Bot, QueryContext, bot_routes, running


@asynccontextmanager
async def load_greetings() -> AsyncIterator[Mapping[str, str]]:
    yield {"de": "Guten Tag", "en": "Good day", "fr": "Bonjour"}


bot = Bot("Greeter", lifespan=load_greetings)


@bot.query
async def greet(ctx: QueryContext[Mapping[str, str]]) -> Answer:
    yield ctx.deps.get(ctx.request.language_code, ctx.deps["en"])


@asynccontextmanager
async def lifespan(_: FastAPI) -> AsyncIterator[None]:
    async with running(bot):  # FastAPI runs one lifespan, its own: the bot's has to be run in there
        yield


app = FastAPI(lifespan=lifespan, routes=bot_routes(bot, path="/poe", allow_without_key=True))


@app.get("/health")
async def health() -> dict[str, str]:
    return {"status": "ok"}
