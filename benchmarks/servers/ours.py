"""The bot with this package."""

from __future__ import annotations

from benchmarks.answers import READY, paced
from poe_asgi import Answer, Bot, QueryContext, create_app

bot = Bot("Benchmark")


@bot.query
async def answer(ctx: QueryContext) -> Answer:
    if ctx.text in READY:
        for token in READY[ctx.text]:
            yield token
    else:
        async for token in paced(ctx.text):
            yield token


app = create_app(bot)
