from __future__ import annotations

import asyncio
from collections.abc import AsyncIterable, AsyncIterator, Mapping
from typing import Any

import pytest

from poe_asgi import Answer, Bot, ConfigurationError, Data, File, QueryContext, ReplaceResponse, SuggestedReply
from poe_asgi.client import in_sections, side_by_side
from poe_asgi.errors import BotError
from poe_asgi.protocol import Json
from tests.support import Exchange, ManualClock, ask, settle, started

pytestmark = pytest.mark.asyncio

FILE = File(url="u", name="n", content_type="c")


class Turn:
    """A stream whose pace the test sets."""

    def __init__(self) -> None:
        self.queue: asyncio.Queue[Any] = asyncio.Queue()
        self.closed = False

    def say(self, *items: Any) -> None:
        for item in items:
            self.queue.put_nowait(item)

    async def __aiter__(self) -> AsyncIterator[Any]:
        try:
            while (item := await self.queue.get()) is not None:
                if isinstance(item, Exception):
                    raise item
                yield item
        finally:
            self.closed = True


def shows(streams: Mapping[str, AsyncIterable[Any]], *, sections: bool = False) -> Bot:
    bot = Bot()

    @bot.query
    async def handler(ctx: QueryContext) -> Answer:
        yield "Look:\n"
        yield in_sections(streams) if sections else side_by_side(streams)

    return bot


def clean(exchange: Exchange) -> Exchange:
    assert exchange.reader.clean, exchange.reader.violations
    return exchange


async def test_the_first_is_live_and_those_that_have_ended_follow_whole() -> None:
    a, b, c = Turn(), Turn(), Turn()
    async with started(shows({"A": a, "B": b, "C": c})) as (exchange, task):
        a.say("a1")
        c.say("c1", "c2", None)
        b.say("b1")
        await settle()
        assert exchange.text == "Look:\n**A**\n\na1"
        a.say("a2", None)
        await settle()
        assert exchange.text == "Look:\n**A**\n\na1a2\n\n**C**\n\nc1c2\n\n**B**\n\nb1"
        b.say("b2", None)
        await task
    assert clean(exchange).text == "Look:\n**A**\n\na1a2\n\n**C**\n\nc1c2\n\n**B**\n\nb1b2"


async def test_every_character_is_sent_once() -> None:
    async def long(letter: str) -> AsyncIterator[str]:
        for _ in range(500):
            yield letter
            await asyncio.sleep(0)

    exchange = await ask(shows({"A": long("a"), "B": long("b")}))
    assert sum(len(getattr(event, "text", "")) for event in exchange.events) == len(exchange.text)


async def test_a_replace_in_the_live_stream_spares_what_stands_above() -> None:
    async def replaces(word: str) -> AsyncIterator[Any]:
        yield "wrong"
        await asyncio.sleep(0)
        yield ReplaceResponse(word)

    exchange = await ask(shows({"A": replaces("a"), "B": replaces("b")}))
    assert clean(exchange).text == "Look:\n**A**\n\na\n\n**B**\n\nb"


@pytest.mark.parametrize("sections", [False, True])
async def test_files_and_suggested_replies_go_through_and_data_does_not(sections: bool) -> None:
    async def rich() -> AsyncIterator[Any]:
        yield "x"
        for event in (FILE, SuggestedReply("again"), Data("theirs"), Json({})):
            yield event

    exchange = await ask(shows({"A": rich()}, sections=sections))
    assert exchange.reader.files == [FILE]
    assert exchange.reader.suggested_replies == ["again"]
    assert exchange.reader.data is None


@pytest.mark.parametrize("sections", [False, True])
async def test_one_that_fails_says_so_in_its_place(sections: bool) -> None:
    async def fails() -> AsyncIterator[str]:
        yield "half"
        raise BotError("no")

    async def works() -> AsyncIterator[str]:
        yield "whole"

    exchange = await ask(shows({"A": fails(), "B": works()}, sections=sections))
    assert clean(exchange).text == "Look:\n**A**\n\nhalf\n\n*A gave no answer.*\n\n**B**\n\nwhole"


@pytest.mark.parametrize("sections", [False, True])
async def test_when_all_fail_the_first_error_is_raised(sections: bool) -> None:
    async def fails() -> AsyncIterator[str]:
        for item in tuple[str, ...]():
            yield item
        raise BotError("out of order")

    exchange = await ask(shows({"A": fails(), "B": fails()}, sections=sections))
    assert exchange.reader.error is not None
    assert exchange.reader.error.text == "out of order"


@pytest.mark.parametrize("sections", [False, True])
async def test_all_streams_are_closed_when_the_reader_leaves(sections: bool) -> None:
    a, b = Turn(), Turn()
    before = asyncio.all_tasks()
    async with started(shows({"A": a, "B": b}, sections=sections)) as (exchange, task):
        exchange.disconnect()
        await task
    assert (a.closed, b.closed) == (True, True)
    await settle()
    assert asyncio.all_tasks() == before


async def test_sections_grow_together_at_a_bounded_pace() -> None:
    clock = ManualClock()
    a, b = Turn(), Turn()
    async with started(shows({"A": a, "B": b}, sections=True), clock) as (exchange, task):
        a.say("a1")
        b.say("b1")
        await clock.advance(1.9)
        assert "a1" not in exchange.text
        await clock.advance(0.2)
        assert exchange.text == "Look:\n**A**\n\na1\n\n**B**\n\nb1"
        for _ in range(100):
            a.say("x")
            await clock.advance(0.1)
        a.say(None)
        b.say(None)
        await clock.advance(2)
        await task
    assert clean(exchange).text == "Look:\n**A**\n\na1" + "x" * 100 + "\n\n**B**\n\nb1"
    assert exchange.reader.events < 15


async def test_no_stream_at_all_is_a_mistake() -> None:
    with pytest.raises(ConfigurationError):
        await anext(aiter(side_by_side({})))
