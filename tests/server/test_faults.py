"""Faults of the client and of the machine, over real sockets: nothing is lost silently, nothing is left behind."""

from __future__ import annotations

import asyncio
import logging
import socket
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

import poe_asgi
from poe_asgi import Answer, Bot, Limits, QueryContext, SuggestedReply, create_app, drain
from poe_asgi.protocol import Done, ErrorEvent, Meta, Text
from poe_asgi.server import _ending
from tests.server.serving import PATIENCE, Wire, connected, read, serving
from tests.soak.load import request
from tests.support import KEY, ManualClock, query, settle, started

pytestmark = pytest.mark.asyncio

PACKAGE = str(Path(poe_asgi.__file__).parent)


class Served:
    """A bot behind uvicorn in a thread, that knows how many of its handlers have ended."""

    def __init__(self, handler: Any, limits: Limits | None = None) -> None:
        self.bot = Bot(limits=limits or Limits())
        self.begun = self.ended = 0
        self.loop: asyncio.AbstractEventLoop | None = None
        self._changed = threading.Condition()

        async def counted(ctx: QueryContext) -> Answer:
            self.loop = asyncio.get_running_loop()
            with self._changed:
                self.begun += 1
            try:
                async for item in handler(ctx):
                    yield item
            finally:
                with self._changed:
                    self.ended += 1
                    self._changed.notify_all()

        self.bot.query(counted)
        self.app = create_app(self.bot, access_key=KEY)

    async def have_ended(self, handlers: int) -> None:
        """Wait until so many handlers have ended."""

        def wait() -> bool:
            with self._changed:
                return self._changed.wait_for(lambda: self.ended >= handlers, PATIENCE)

        assert await asyncio.to_thread(wait)

    async def nothing_is_left(self) -> None:
        """Every answer is over, every handler that began has ended, and no task of this SDK runs."""
        await asyncio.wait_for(drain(self.app), PATIENCE)
        assert self.begun == self.ended
        if self.loop is not None:
            left = asyncio.run_coroutine_threadsafe(_tasks(), self.loop)
            assert await asyncio.wrap_future(left) == []


async def _tasks() -> list[str]:
    """The tasks of the running loop that run code of this SDK."""
    await settle()
    coroutines: list[Any] = [task.get_coro() for task in asyncio.all_tasks()]
    return [str(coroutine) for coroutine in coroutines if coroutine.cr_code.co_filename.startswith(PACKAGE)]


@contextmanager
def served(handler: Any, http: Any = "httptools", limits: Limits | None = None) -> Iterator[tuple[Served, int]]:
    bot = Served(handler, limits)
    with serving(bot.app, http=http) as port:
        yield bot, port


@pytest.fixture(params=["httptools", "h11"])
def http(request: pytest.FixtureRequest) -> Any:
    return request.param


@pytest.fixture(params=["closes", "resets"])
def leave(request: pytest.FixtureRequest) -> Any:
    """How a client leaves: by an orderly close, or by a reset."""

    def leave(wire: Wire) -> None:
        if request.param == "resets":
            connection = wire.writer.get_extra_info("socket")
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        wire.writer.transport.abort()

    return leave


async def four_events(ctx: QueryContext) -> Answer:
    yield "a"
    await asyncio.sleep(0.01)
    yield SuggestedReply("b")
    await asyncio.sleep(0.01)
    yield "c"
    await asyncio.sleep(0.01)


async def endless(ctx: QueryContext) -> Answer:
    yield "a"
    await asyncio.Event().wait()


async def flood(ctx: QueryContext) -> Answer:
    while True:
        yield "x" * 100_000


# ---- the client leaves


async def test_clients_that_leave_before_their_question_is_whole_leave_nothing(http: Any, leave: Any) -> None:
    whole = request("hi")
    with served(four_events, http) as (bot, port):
        for cut in (0, 1, 20, whole.index(b"\r\n\r\n") + 4, len(whole) - 1):
            async with connected(port) as wire:
                wire.writer.write(whole[:cut])
                await wire.writer.drain()
                leave(wire)
        async with connected(port) as wire:
            assert read(await (await wire.ask()).body()).text == "ac"
        await bot.nothing_is_left()
        assert bot.begun == 1


@pytest.mark.parametrize("events", range(6))
async def test_a_client_that_leaves_after_any_event_leaves_nothing(
    http: Any, leave: Any, events: int, caplog: pytest.LogCaptureFixture
) -> None:
    with served(four_events, http) as (bot, port):
        async with connected(port) as wire:
            wire.writer.write(request("hi"))
            seen = b""
            while events and seen.count(b"event: ") < events:
                seen += await wire.reader.read(65536)
            leave(wire)
        async with connected(port) as wire:  # and the next one is answered
            assert read(await (await wire.ask()).body()).text == "ac"
        await bot.nothing_is_left()
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


async def test_a_client_that_leaves_while_it_blocks_the_answer_ends_it(http: Any, leave: Any) -> None:
    with served(flood, http, Limits(characters=10**9)) as (bot, port):
        async with connected(port) as wire:
            await (await wire.ask()).chunk()
            leave(wire)  # nobody has read on: the handler has filled what room there is, and waits
        await bot.have_ended(1)
        await bot.nothing_is_left()


async def test_a_client_that_reads_nothing_is_given_up_when_the_answer_has_to_end(http: Any) -> None:
    limits = Limits(characters=10**9, total_seconds=0.3, close_seconds=0.2)
    with served(flood, http, limits) as (bot, port):
        async with connected(port) as wire:
            await (await wire.ask()).chunk()
            await bot.have_ended(1)
            await bot.nothing_is_left()


async def test_a_handler_that_ignores_its_cancellation_holds_up_nothing(http: Any) -> None:
    release = threading.Event()

    async def stubborn(ctx: QueryContext) -> Answer:
        yield "a"
        while not release.is_set():
            with suppress(asyncio.CancelledError):
                await asyncio.sleep(0.05)

    with served(stubborn, http, Limits(close_seconds=0.1)) as (bot, port):
        async with connected(port) as wire:
            await (await wire.ask()).chunk()
        await asyncio.wait_for(drain(bot.app), PATIENCE)  # the answer is over, its handler abandoned
        assert (bot.begun, bot.ended, len(_ending.abandoned)) == (1, 0, 1)
        release.set()
        await bot.have_ended(1)
        await bot.nothing_is_left()
    assert _ending.abandoned == set()


# ---- the machine


async def test_two_blocked_seconds_lose_nothing_of_the_answers_beside() -> None:
    blocked = threading.Event()

    async def handler(ctx: QueryContext) -> Answer:
        for _ in range(20):
            yield "x"
            await asyncio.sleep(0.01)
        if ctx.text == "block":
            time.sleep(2)  # noqa: ASYNC251
            blocked.set()
        while not blocked.is_set():
            await asyncio.sleep(0.01)
        yield "y"

    with served(handler) as (bot, port):

        async def answer(text: str) -> str:
            async with connected(port) as wire:
                return read(await (await wire.ask(query(text))).body()).text

        texts = await asyncio.gather(answer("block"), *(answer("beside") for _ in range(5)))
        await bot.nothing_is_left()
    assert texts == ["x" * 20 + "y"] * 6


class LateClock(ManualClock):
    """One that was blocked: what is due happens only after all the time has passed."""

    async def block(self, seconds: float) -> None:
        now = self.now = self.now + seconds
        real, self.time = self.time, lambda: now  # type: ignore[method-assign]
        await self.advance(0)
        self.time = real  # type: ignore[method-assign]


async def test_a_handler_has_its_time_to_clean_up_though_the_loop_was_blocked() -> None:
    clock, cleaned, release = LateClock(), [], asyncio.Event()
    bot = Bot()

    @bot.query
    async def handler(ctx: QueryContext) -> Answer:
        try:
            yield "x"
            await asyncio.Event().wait()
        finally:
            await release.wait()
            cleaned.append(True)

    async with started(bot, clock) as (exchange, task):
        exchange.disconnect()
        await settle()
        await clock.block(2)
        assert not task.done()
        release.set()
        await settle()
        assert task.done()
    assert cleaned == [True]


async def test_a_reader_has_its_time_to_take_the_end_though_the_loop_was_blocked() -> None:
    clock = LateClock()
    bot = Bot(limits=Limits(total_seconds=20))

    @bot.query
    async def handler(ctx: QueryContext) -> Answer:
        yield "x"
        await asyncio.Event().wait()

    async with started(bot, clock) as (exchange, task):
        exchange.room.clear()  # it takes nothing for a moment, just when the time is over
        await clock.advance(19)  # a second is kept for the end
        await clock.block(2)
        assert not task.done()
        exchange.room.set()
        await settle()
        assert task.done()
    assert exchange.ended
    assert isinstance(exchange.reader.error, ErrorEvent)


async def test_a_clock_that_jumps_ends_an_answer_once_and_pings_it_once() -> None:
    clock = LateClock()
    bot = Bot(limits=Limits(total_seconds=3600))

    @bot.query
    async def handler(ctx: QueryContext) -> Answer:
        yield "x"
        await asyncio.Event().wait()

    async with started(bot, clock) as (exchange, task):
        await clock.block(1000)
        assert exchange.body.count(b": ping") == 1
        await clock.block(100_000)
        await settle()
        assert task.done()
    assert [type(event) for event in exchange.events] == [Meta, Text, ErrorEvent, Done]


async def test_a_calendar_that_is_set_is_no_time_that_passes(monkeypatch: pytest.MonkeyPatch) -> None:
    real = time.time
    bot = Bot()

    @bot.query
    async def handler(ctx: QueryContext) -> Answer:
        for years in (1, -2, 40):
            monkeypatch.setattr(time, "time", lambda years=years: real() + years * 31e6)
            await asyncio.sleep(0)
            yield "x"

    async with started(bot) as (exchange, task):
        await task
    assert (exchange.text, exchange.reader.error) == ("xxx", None)
