"""The driver under attack: each test is a way in which it once gave in, or might."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any

import anyio
import pytest

from poe_asgi import Answer, AnswerError, Limits, Meta, QueryContext, SuggestedReply, create_app, drain
from poe_asgi.errors import BotError, LimitError, ResponseError
from poe_asgi.protocol import Done, ErrorEvent
from poe_asgi.server._pump import ROOM
from tests.server.test_driver import FAILED, error_of, make
from tests.support import KEY, Exchange, ManualClock, ask, settle, started

pytestmark = pytest.mark.asyncio


async def test_a_failure_whose_report_fails_still_ends_the_answer(caplog: pytest.LogCaptureFixture) -> None:
    class BrokenError(AnswerError):
        def __init__(self) -> None:
            Exception.__init__(self)

    async def handler(ctx: QueryContext) -> Answer:
        yield "x"
        raise BrokenError

    assert error_of(await ask(make(handler))).text == FAILED + "."
    assert any("reporting" in record.getMessage() for record in caplog.records)


async def test_an_answer_error_takes_only_text() -> None:
    with pytest.raises(TypeError, match="text must be a str"):
        AnswerError(ValueError("x"))  # type: ignore[arg-type]


async def test_an_answer_that_is_over_before_its_handler_starts_is_whole_and_the_handler_never_runs() -> None:
    started_handlers: list[bool] = []

    async def handler(ctx: QueryContext) -> Answer:
        started_handlers.append(True)
        yield "x"

    exchange = await ask(make(handler, limits=Limits(total_seconds=1e-9)))
    assert exchange.ended
    assert [type(event) for event in exchange.events] == [Meta, ErrorEvent, Done]
    assert started_handlers == []


async def test_a_stalled_first_send_is_given_up_too() -> None:
    clock = ManualClock()

    async def handler(ctx: QueryContext) -> Answer:
        yield "x"

    exchange = Exchange(clock)
    exchange.room.clear()
    task = asyncio.create_task(exchange.run(create_app(make(handler), access_key=KEY)))
    await clock.advance(3600)
    assert task.done()


async def test_a_cancelled_request_leaves_nothing_for_draining_to_wait_for() -> None:
    async def handler(ctx: QueryContext) -> Answer:
        yield "x"
        await asyncio.Event().wait()

    app = create_app(make(handler), access_key=KEY)
    with anyio.move_on_after(0.01):  # which cancels again and again
        await Exchange().run(app)
    async with asyncio.timeout(5):
        await drain(app)


async def test_held_text_is_scheduled_though_something_else_left_just_now() -> None:
    clock = ManualClock()

    async def handler(ctx: QueryContext) -> Answer:
        for _ in range(10):
            yield SuggestedReply("x")
        yield "held"
        await asyncio.Event().wait()

    limits = Limits(events=20, total_seconds=61, ping_seconds=0)
    async with started(make(handler, limits=limits), clock) as (exchange, _):
        assert exchange.text == ""
        await clock.advance(11)
        assert exchange.text == "held"


async def test_a_timer_that_is_early_does_not_lose_the_held_text() -> None:
    class EarlyClock(ManualClock):
        early = True

        def call_at(self, when: float, callback: Any, /, *args: Any) -> Any:
            if self.early and getattr(callback, "__name__", "") == "_release":
                self.early = False
                when -= 0.001
            return super().call_at(when, callback, *args)

    clock = EarlyClock()
    more = asyncio.Event()

    async def handler(ctx: QueryContext) -> Answer:
        for _ in range(10):
            yield SuggestedReply("x")
        await more.wait()
        yield "held"
        await asyncio.Event().wait()

    limits = Limits(events=20, total_seconds=61, ping_seconds=0)
    async with started(make(handler, limits=limits), clock) as (exchange, _):
        more.set()
        await clock.advance(11)
        assert not clock.early
        assert exchange.text == "held"


async def test_a_handler_that_swallows_its_timeouts_is_still_pushed_back() -> None:
    taken = 0

    async def handler(ctx: QueryContext) -> Answer:
        nonlocal taken
        for _ in range(5000):
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(0.001):
                    yield "x"
            taken += 1

    exchange = Exchange()
    task = asyncio.create_task(exchange.run(create_app(make(handler), access_key=KEY)))
    while not taken:
        await asyncio.sleep(0)
    exchange.room.clear()
    before = taken
    await asyncio.sleep(0.05)
    assert taken < before + 2 * ROOM + 200  # one more for each timeout, not all at once
    exchange.disconnect()
    exchange.room.set()
    await task


async def test_after_a_limit_a_stalled_send_is_given_up() -> None:
    clock = ManualClock()

    async def handler(ctx: QueryContext) -> Answer:
        while True:
            yield "x"

    limits = Limits(characters=10_000)
    exchange = Exchange(clock, limits)
    task = asyncio.create_task(exchange.run(create_app(make(handler, limits=limits), access_key=KEY)))
    while not exchange.chunks:
        await asyncio.sleep(0)
    exchange.room.clear()
    await settle()
    exchange.room.set()
    await asyncio.sleep(0)
    exchange.room.clear()
    await settle(200)
    await clock.advance(3600)
    assert task.done()


@pytest.mark.parametrize("content_type", [["x"], "text/html"])
async def test_a_meta_function_cannot_send_what_a_bot_could_not_declare(content_type: Any) -> None:
    async def handler(ctx: QueryContext) -> Answer:
        yield "x"

    exchange = await ask(make(handler, meta=lambda _: Meta(content_type=content_type)))
    assert exchange.reader.meta == Meta()


async def test_an_error_alone_in_a_group_is_as_good_as_by_itself() -> None:
    async def handler(ctx: QueryContext) -> Answer:
        yield "x"
        async with asyncio.TaskGroup() as group:
            group.create_task(fails())

    async def fails() -> None:
        raise BotError("their words", allow_retry=True)

    assert error_of(await ask(make(handler))).text == "their words"


@pytest.mark.parametrize("error", [ResponseError("x", "secret words"), LimitError("x", "secret words", fits="zz")])
@pytest.mark.parametrize("nested", [False, True])
async def test_errors_of_the_protocol_raised_by_an_author_are_ordinary_failures(error: Exception, nested: bool) -> None:
    async def delegate() -> Answer:
        yield "x"
        raise error

    async def handler(ctx: QueryContext) -> Answer:
        yield "x"
        if nested:
            yield delegate()
        raise error

    exchange = await ask(make(handler))
    assert error_of(exchange).text.startswith(FAILED)
    assert b"secret" not in exchange.body
    assert "z" not in exchange.text


async def test_a_request_stopped_while_meta_is_sent_gets_no_ending_without_a_beginning() -> None:
    async def handler(ctx: QueryContext) -> Answer:
        yield "x"

    class StopsAtMeta(Exchange):
        async def _send(self, message: Any) -> None:
            if message["type"] == "http.response.body" and not self.chunks:
                self.room.clear()
            await super()._send(message)

    exchange = StopsAtMeta()
    task = asyncio.create_task(exchange.run(create_app(make(handler), access_key=KEY)))
    await settle()
    task.cancel()
    exchange.room.set()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert exchange.chunks == []


async def test_a_delegate_yielded_after_the_end_is_closed_in_the_handlers_task() -> None:
    closed = []

    async def delegate() -> Answer:
        try:
            yield "x"
        finally:
            closed.append(asyncio.current_task())

    async def handler(ctx: QueryContext) -> Answer:
        begun = delegate()
        await anext(begun)
        try:
            yield "x"
            await asyncio.Event().wait()
        finally:
            closed.append(asyncio.current_task())
            yield begun

    async with started(make(handler)) as (exchange, task):
        exchange.disconnect()
        await task
        assert len(closed) == 2
        assert len(set(closed)) == 1


async def test_endless_empty_delegates_give_way_to_others() -> None:
    async def nothing() -> Answer:
        for item in tuple[str, ...]():
            yield item

    async def handler(ctx: QueryContext) -> Answer:
        yield "x"
        while True:
            yield nothing()

    async with started(make(handler, limits=Limits(total_seconds=0.2))) as (exchange, task):
        await task
    assert error_of(exchange).text.startswith("This answer was ended")
