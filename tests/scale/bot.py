"""The bot behind the load balancer: it says in which process it runs, and then counts."""

from __future__ import annotations

import asyncio
import os

from poe_asgi import Answer, Bot, QueryContext, create_app
from poe_asgi.server import Admission

bot = Bot("Counting")


@bot.query
async def count(ctx: QueryContext) -> Answer:
    yield f"{os.getpid()}"
    for _ in range(int(ctx.text)):
        await asyncio.sleep(0.05)
        yield "."


app = create_app(
    {"/bot/Counting": bot},
    health="/healthz",
    admission=Admission(rate_per_user="5/day", storage=os.environ["REDIS_URL"], without_storage="closed"),
)
