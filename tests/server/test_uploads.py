"""Files that a handler uploads: bounded by the bot's limits, and none forgotten unnoticed."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Iterator

import pytest

from poe_asgi import Answer, Bot, Limits, QueryContext
from poe_asgi.errors import LimitError
from poe_asgi.local import FakePoe
from tests.support import ask

pytestmark = pytest.mark.asyncio


@pytest.fixture
def poe() -> Iterator[FakePoe]:
    with FakePoe().installed() as poe:
        yield poe


async def test_an_upload_that_was_never_yielded_is_told_of(poe: FakePoe, caplog: pytest.LogCaptureFixture) -> None:
    bot = Bot()

    @bot.query
    async def handler(ctx: QueryContext) -> Answer:
        yield await ctx.poe.upload(b"1", name="yielded.txt")
        linked = await ctx.poe.upload(b"2", name="linked.txt")
        yield f"[here]({linked.url})"
        await ctx.poe.upload(b"3", name="forgotten.txt")

    exchange = await ask(bot)
    assert exchange.reader.clean
    assert len(poe.uploads) == 3
    warnings = [record.getMessage() for record in caplog.records if "never yielded" in record.getMessage()]
    assert len(warnings) == 1
    assert "forgotten.txt" in warnings[0]


async def test_no_more_files_are_uploaded_than_the_answer_may_have(poe: FakePoe) -> None:
    bot = Bot(limits=Limits(files=2))

    @bot.query
    async def handler(ctx: QueryContext) -> Answer:
        for number in range(2):
            yield await ctx.poe.upload(b"x", name=f"{number}.txt")
        with pytest.raises(LimitError):
            await ctx.poe.upload(b"x", name="one too many.txt")

    assert (await ask(bot)).reader.clean
    assert len(poe.uploads) == 2


async def test_an_answer_too_long_to_be_searched_for_links_ends_as_any_other(poe: FakePoe) -> None:
    bot = Bot(limits=Limits(characters=2_000_000))

    @bot.query
    async def handler(ctx: QueryContext) -> Answer:
        await ctx.poe.upload(b"x", name="x.txt")
        yield "x" * 600_000

    complaints: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: complaints.append(context))
    exchange = await ask(bot)
    assert exchange.reader.clean
    assert exchange.reader.error is None
    assert len(poe.uploads) == 1
    gc.collect()  # a task that had failed would complain now
    assert complaints == []
