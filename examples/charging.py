"""Work that costs: authorised before it is done, charged after."""

from __future__ import annotations

from poe_asgi import USD, Answer, Bot, QueryContext, Settings, create_app

PRICE = USD("0.0002")  # for each word

bot = Bot("Counter", settings=Settings(rate_card=f"{PRICE.tag} for each word"))


@bot.query
async def count(ctx: QueryContext) -> Answer:
    words = len(ctx.text.split())
    if not words:
        yield "There is nothing to count, and nothing to pay."
        return
    async with ctx.poe.charge(up_to=USD("0.05")) as cost:
        yield f"I counted {words} words."
        for _ in range(words):
            cost.add(PRICE, "1 word")


app = create_app(bot, allow_without_key=True)
