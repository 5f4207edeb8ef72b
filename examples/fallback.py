"""One bot answers, and another one when the first cannot."""

from __future__ import annotations

import asyncio

from poe_asgi import Answer, Bot, QueryContext, ReplaceResponse, UpstreamError, create_app

bot = Bot("Fallback")
first = bot.uses("Claude-Sonnet-4.6")
second = bot.uses("GPT-5-mini")


@bot.query
async def answer(ctx: QueryContext) -> Answer:
    try:
        async with asyncio.timeout(60):
            yield ctx.poe.stream(first)
    except (UpstreamError, TimeoutError) as error:
        ctx.log.warning("%s failed: %s", first, error)
        yield ReplaceResponse("")  # what it may have said so far
        yield ctx.poe.stream(second)


app = create_app(bot, allow_without_key=True)
