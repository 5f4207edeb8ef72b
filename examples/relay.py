"""Another bot answers: the whole conversation goes to it, and its answer comes back as it is said."""

from __future__ import annotations

from poe_asgi import Answer, Bot, QueryContext, create_app

bot = Bot("Relay")
claude = bot.uses("Claude-Sonnet-4.6")  # Poe refuses calls of bots that are not declared


@bot.query
async def relay(ctx: QueryContext) -> Answer:
    yield ctx.poe.stream(claude, system="Answer in one paragraph.")


app = create_app(bot, allow_without_key=True)
