"""The bot that is soaked.

It is asked for ``N SECONDS SIZE``: so many tokens of so many characters, with a pause of so many seconds after each.
"""

from __future__ import annotations

import asyncio
import gc
import inspect
import os
from pathlib import Path

from starlette.requests import Request
from starlette.responses import JSONResponse

from poe_asgi import Answer, Bot, Limits, QueryContext, create_app
from tests.support import KEY

LIMITS = Limits(characters=10**9)  # one reader does not read, and what it is sent has to fill every buffer on the way
bot = Bot("Soaked", access_key=KEY, limits=LIMITS)


@bot.query
async def answer(ctx: QueryContext) -> Answer:
    count, seconds, size = ctx.text.split()
    pause, token = float(seconds), "x" * int(size)
    for _ in range(int(count)):
        yield token
        if pause:
            await asyncio.sleep(pause)


async def counts(_: Request) -> JSONResponse:
    """What is there in this process: a leak shows as one that grows."""
    gc.collect()
    generators = sum(inspect.isasyncgen(each) or inspect.iscoroutine(each) for each in gc.get_objects())
    return JSONResponse({"tasks": len(asyncio.all_tasks()), "generators": generators, **of_process()})


def of_process() -> dict[str, int]:
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    descriptors = sum(1 for _ in Path("/proc/self/fd").iterdir())
    return {"pid": os.getpid(), "descriptors": descriptors, "resident_kib": pages * os.sysconf("SC_PAGE_SIZE") // 1024}


app = create_app(bot, drain_seconds=float(os.environ.get("SOAK_DRAIN_SECONDS", "20")))
app.add_route("/counts", counts)
