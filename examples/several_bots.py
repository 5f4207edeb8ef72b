"""Several bots in one app, each at its own path."""

from __future__ import annotations

from poe_asgi import Answer, Bot, QueryContext, create_app

bot = Bot("Shout")
other = Bot("Whisper")


@bot.query
async def shout(ctx: QueryContext) -> Answer:
    yield ctx.text.upper()


@other.query
async def whisper(ctx: QueryContext) -> Answer:
    yield ctx.text.lower()


app = create_app({"/shout": bot, "/whisper": other}, allow_without_key=True)
