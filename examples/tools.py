"""A model that may call functions: plain typed ones, in several rounds."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from poe_asgi import Answer, Bot, QueryContext, create_app

bot = Bot("Clock")
model = bot.uses("GPT-5-mini", calls=3)  # one call for each round


def time_in(utc_offset_hours: float) -> str:
    """The time of day at a place.

    Args:
        utc_offset_hours: How many hours the place is ahead of UTC, negative when it is behind.
    """
    return (datetime.now(UTC) + timedelta(hours=utc_offset_hours)).strftime("%H:%M")


@bot.query
async def answer(ctx: QueryContext) -> Answer:
    yield ctx.poe.stream(model, ctx.prompt(), tools=[time_in], max_rounds=3)


app = create_app(bot, allow_without_key=True)
