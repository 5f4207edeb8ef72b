"""Three bots answer one question, side by side."""

from __future__ import annotations

from poe_asgi import Answer, Bot, QueryContext, create_app
from poe_asgi.client import side_by_side

bot = Bot("Compare")
NAMES = ("Claude-Sonnet-4.6", "GPT-5-mini", "Gemini-3-Flash")
bots = [bot.uses(name) for name in NAMES]


@bot.query
async def compare(ctx: QueryContext) -> Answer:
    yield side_by_side({each.name: ctx.poe.stream(each) for each in bots})


app = create_app(bot, allow_without_key=True)
