"""The shortest bot: it says what it was told."""

from __future__ import annotations

from poe_asgi import Answer, Bot, QueryContext, create_app

bot = Bot()


@bot.query
async def echo(ctx: QueryContext) -> Answer:
    yield ctx.text


app = create_app(bot, allow_without_key=True)
