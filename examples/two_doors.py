"""One bot behind two doors: Poe's protocol at /bot/, and an OpenAI-compatible API at /bot/v1, in an app with routes of
its own.

A chat front end or a script with the `openai` package takes `http://localhost:8000/bot/v1` as its base URL, the bot's
access key as its API key, and `Scribe` as the model.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Mount, Route

from poe_asgi import Answer, Bot, QueryContext, SuggestedReply, UserCausedError, create_app, running

bot = Bot("Scribe")


@bot.query
async def count(ctx: QueryContext) -> Answer:
    words = ctx.text.split()
    if not words:
        raise UserCausedError("Send me a few words to count.")
    for number, word in enumerate(words, start=1):
        yield f"{number}. {word}\n"
    for file in ctx.attachments:
        yield f"and the file {file.name}, of type {file.content_type}\n"
    yield SuggestedReply("Count these words")


async def health(_: Request) -> JSONResponse:
    return JSONResponse({"status": "ok"})


@asynccontextmanager
async def lifespan(_: Starlette) -> AsyncIterator[None]:
    async with running(bot):  # a mounted app has no start-up of its own
        yield


app = Starlette(
    lifespan=lifespan,
    routes=[
        Route("/health", health),
        Mount("/bot", create_app(bot, openai=True, allow_without_key=True)),
    ],
)
