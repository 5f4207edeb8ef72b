"""The driver: who runs the handler, who ends it, and what the reader gets in each case."""

from __future__ import annotations

import asyncio
import contextvars
import gc
import logging
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
import pytest_asyncio

from poe_asgi import (
    Answer,
    AnswerError,
    Bot,
    Data,
    InsufficientFundError,
    Limits,
    Meta,
    QueryContext,
    ReplaceResponse,
    SuggestedReply,
    Text,
    UserCausedError,
    create_app,
)
from poe_asgi.errors import UpstreamError
from poe_asgi.protocol import Done, ErrorEvent, Event, Json
from poe_asgi.server._ending import abandoned
from poe_asgi.server._pump import ROOM
from poe_asgi.server._site import RESTARTING
from tests.support import KEY, Exchange, ManualClock, ask, settle, started

pytestmark = pytest.mark.asyncio

FAILED = "Something went wrong in this bot"


def make(handler: Any, **declared: Any) -> Bot:
    bot = Bot("Test", **declared)
    bot.query(handler)
    return bot


@pytest.fixture(autouse=True)
def nothing_left(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """No asyncio complaint in the log, and no task left behind."""
    yield
    gc.collect()
    assert [record.getMessage() for record in caplog.records if record.name == "asyncio"] == []


@pytest_asyncio.fixture
async def no_tasks() -> AsyncIterator[None]:
    before = asyncio.all_tasks()
    yield
    await settle()
    assert asyncio.all_tasks() - before - {asyncio.current_task()} == set()


def content(exchange: Exchange) -> list[Event | ErrorEvent]:
    """What came between meta and done, in a clean stream."""
    assert exchange.reader.clean, exchange.reader.violations
    assert exchange.ended
    assert isinstance(exchange.events[0], Meta)
    assert exchange.events[-1] == Done()
    return exchange.events[1:-1]  # type: ignore[return-value]


def error_of(exchange: Exchange) -> ErrorEvent:
    content(exchange)
    assert exchange.reader.error is not None
    return exchange.reader.error


# ---- the way of an answer


async def test_meta_goes_out_before_the_handlers_first_step() -> None:
    chunks_before: list[int] = []

    async def handler(ctx: QueryContext) -> Answer:
        chunks_before.append(len(exchange.chunks))
        yield "x"

    exchange = Exchange()
    await exchange.run(create_app(make(handler), access_key=KEY))
    assert chunks_before == [1]
    assert content(exchange) == [Text("x")]


async def test_an_answer_ready_at_once_is_one_chunk_and_needs_no_listener() -> None:
    async def handler(ctx: QueryContext) -> Answer:
        for _ in range(200):
            yield "x"
        yield SuggestedReply("again")

    exchange = await ask(make(handler))
    assert content(exchange) == [Text("x" * 200), SuggestedReply("again")]
    assert len(exchange.chunks) == 2
    assert exchange.listened == 0


async def test_a_token_that_is_ready_alone_goes_out_alone() -> None:
    turns = [asyncio.Event() for _ in range(3)]

    async def handler(ctx: QueryContext) -> Answer:
        for turn in turns:
            yield "x"
            await turn.wait()

    async with started(make(handler)) as (exchange, task):
        for count, turn in enumerate(turns, 2):
            assert len(exchange.chunks) == count
            turn.set()
            await settle()
        await task
    assert content(exchange) == [Text("x")] * 3
    assert exchange.listened == 1


async def test_code_after_the_last_yield_delays_done() -> None:
    release = asyncio.Event()

    async def handler(ctx: QueryContext) -> Answer:
        yield "x"
        await release.wait()

    async with started(make(handler)) as (exchange, task):
        assert exchange.events[-1] == Text("x")
        release.set()
        await task
    assert content(exchange) == [Text("x")]


async def test_the_handler_gets_a_copy_of_the_callers_context() -> None:
    variable = contextvars.ContextVar("variable", default="")
    variable.set("outer")

    async def handler(ctx: QueryContext) -> Answer:
        yield variable.get()
        variable.set("inner")

    assert (await ask(make(handler))).text == "outer"
    assert variable.get() == "outer"


# ---- delegation


async def test_a_delegate_is_relayed_and_its_replaces_spare_what_was_said_before() -> None:
    async def delegate() -> AsyncIterator[Any]:
        yield "one"
        yield ReplaceResponse("two")
        yield Data("not ours")
        yield Json({"not": "ours"})
        yield SuggestedReply("three")

    async def handler(ctx: QueryContext) -> Answer:
        yield "said: "
        yield delegate()
        yield "!"
        yield Data("ours")

    exchange = await ask(make(handler))
    assert exchange.text == "said: two!"
    assert exchange.reader.data == "ours"
    assert exchange.reader.suggested_replies == ["three"]
    assert content(exchange).count(Data("not ours")) == 0


async def test_delegates_nest_and_each_replaces_only_its_own() -> None:
    async def inner() -> Answer:
        yield "c"
        yield ReplaceResponse("C")

    async def outer() -> Answer:
        yield "b"
        yield inner()
        yield ReplaceResponse("B")
        yield inner()

    async def handler(ctx: QueryContext) -> Answer:
        yield "a"
        yield outer()

    assert (await ask(make(handler))).text == "aBC"


async def test_an_error_inside_a_delegate_is_raised_at_the_yield_so_a_fallback_works() -> None:
    async def delegate() -> Answer:
        yield "partial "
        raise ValueError

    async def handler(ctx: QueryContext) -> Answer:
        try:
            yield delegate()
        except ValueError:
            yield "fallback"

    assert content(await ask(make(handler))) == [Text("partial fallback")]


async def test_a_plain_async_iterator_can_be_a_delegate_and_its_error_reaches_the_handler() -> None:
    class Countdown:
        def __init__(self) -> None:
            self.left = 2
            self.closed = False

        def __aiter__(self) -> Countdown:
            return self

        async def __anext__(self) -> str:
            if not self.left:
                raise LookupError
            self.left -= 1
            return str(self.left)

        async def aclose(self) -> None:
            self.closed = True

    countdown = Countdown()

    async def handler(ctx: QueryContext) -> Answer:
        try:
            yield countdown
        except LookupError:
            yield "!"

    assert content(await ask(make(handler))) == [Text("10!")]
    assert countdown.closed


async def test_everything_runs_and_is_closed_in_one_task() -> None:
    tasks: set[object] = set()

    async def delegate() -> Answer:
        try:
            yield "x"
            await asyncio.Event().wait()
        finally:
            tasks.add(asyncio.current_task())

    async def handler(ctx: QueryContext) -> Answer:
        tasks.add(asyncio.current_task())
        try:
            yield delegate()
        finally:
            tasks.add(asyncio.current_task())

    async with started(make(handler)) as (exchange, task):
        exchange.disconnect()
        await task
    assert len(tasks) == 1
    assert tasks != {asyncio.current_task()}


# ---- failures


async def test_an_exception_ends_the_answer_with_an_id_and_none_of_its_text(caplog: pytest.LogCaptureFixture) -> None:
    async def handler(ctx: QueryContext) -> Answer:
        yield "so far"
        raise RuntimeError("secret words")

    exchange = await ask(make(handler))
    error = error_of(exchange)
    assert content(exchange)[0] == Text("so far")
    assert error.text.startswith(FAILED)
    assert not error.allow_retry
    assert b"secret" not in exchange.body
    (record,) = [record for record in caplog.records if record.exc_info]
    number = error.text.split("error ")[1].removesuffix(").")
    assert number in record.getMessage()
    assert "secret words" in str(record.exc_info)
    assert record.__dict__["bot"] == "Test"


@pytest.mark.parametrize(
    ("raised", "expected"),
    [
        (AnswerError("no"), ErrorEvent(text="no", allow_retry=False)),
        (AnswerError("no", allow_retry=True), ErrorEvent(text="no", allow_retry=True)),
        (UserCausedError("bad"), ErrorEvent(text="bad", allow_retry=False, error_type="user_caused_error")),
        (
            InsufficientFundError(),
            ErrorEvent(
                text="You do not have enough points for this.", allow_retry=False, error_type="insufficient_fund"
            ),
        ),
        (ExceptionGroup("tasks", [AnswerError("inside")]), ErrorEvent(text="inside", allow_retry=False)),
        (TimeoutError("x"), ErrorEvent(text="Busy.", allow_retry=True)),
        (ConnectionResetError("x"), ErrorEvent(text="Net.", allow_retry=False)),
    ],
)
async def test_what_is_raised_for_the_user_reaches_the_user(raised: Exception, expected: ErrorEvent) -> None:
    async def handler(ctx: QueryContext) -> Answer:
        yield "x"
        raise raised

    errors = {TimeoutError: AnswerError("Busy.", allow_retry=True), ConnectionError: AnswerError("Net.")}
    assert error_of(await ask(make(handler, errors=errors))) == expected


async def test_an_upstream_error_that_escapes_keeps_its_type_and_its_retry() -> None:
    async def handler(ctx: QueryContext) -> Answer:
        yield "x"
        raise UpstreamError("internal words", allow_retry=True, error_type="insufficient_fund")

    error = error_of(await ask(make(handler)))
    assert (error.allow_retry, error.error_type) == (True, "insufficient_fund")
    assert error.text.startswith(FAILED)


@pytest.mark.parametrize("exception", [asyncio.CancelledError, GeneratorExit, SystemExit, BaseException])
async def test_any_exception_of_the_handlers_own_ends_the_answer_legally(exception: type[BaseException]) -> None:
    async def handler(ctx: QueryContext) -> Answer:
        yield "x"
        raise exception

    assert error_of(await ask(make(handler))).text.startswith(FAILED)


async def test_a_handler_that_yields_nothing_ends_in_an_error() -> None:
    async def handler(ctx: QueryContext) -> Answer:
        for never in tuple[str, ...]():
            yield never

    assert content(await ask(make(handler))) == [
        ErrorEvent(text="This answer was ended. The handler yielded nothing.", allow_retry=False)
    ]


async def _coroutine() -> str:
    return "x"


async def _generator() -> AsyncIterator[str]:
    yield "x"


@pytest.mark.parametrize(
    ("make_item", "hint"),
    [
        (lambda: Meta(), "Bot(meta=Meta(…))"),
        (lambda: Done(), "when the handler returns"),
        (lambda: ErrorEvent(text="x"), "raise an AnswerError"),
        (lambda: AnswerError("x"), "errors are raised"),
        (lambda: None, 'yield ""'),
        (lambda: b"x", "decode it"),
        (lambda: ["x"], "one by one"),
        (lambda: (item for item in "x"), "one by one"),
        (lambda: {"text": "x"}, "yield a str"),
        (lambda: Json({}), "yield a str"),
        (lambda: 5, "type int"),
        (lambda: _coroutine(), "yield await _coroutine"),
        (lambda: _generator, "call it: `yield _generator"),
    ],
)
@pytest.mark.parametrize("nested", [False, True])
async def test_a_wrong_yield_ends_the_answer_with_a_line_that_says_what_to_write(
    make_item: Any, hint: str, nested: bool, caplog: pytest.LogCaptureFixture
) -> None:
    closed = []

    async def wrong() -> Any:
        try:
            yield make_item()
        finally:
            closed.append("wrong")

    async def handler(ctx: QueryContext) -> Answer:
        try:
            yield "x"
            if nested:
                yield wrong()
            yield make_item()
        except Exception:
            yield "a wrong yield is not to be caught"
        finally:
            closed.append("handler")

    exchange = await ask(make(handler))
    assert content(exchange)[0] == Text("x")
    assert error_of(exchange).text.startswith(FAILED)
    assert any(hint in record.getMessage() for record in caplog.records)
    assert closed[-1] == "handler"


async def test_a_subclass_of_str_is_text() -> None:
    class Words(str):
        __slots__ = ()

    async def handler(ctx: QueryContext) -> Answer:
        yield Words("words")

    assert content(await ask(make(handler))) == [Text("words")]


async def test_a_failing_meta_function_is_logged_and_the_answer_goes_on(caplog: pytest.LogCaptureFixture) -> None:
    async def handler(ctx: QueryContext) -> Answer:
        yield "x"

    def meta(ctx: QueryContext) -> Meta:
        raise RuntimeError

    def wrong(ctx: QueryContext) -> Any:
        return "text/plain"

    def plain(ctx: QueryContext) -> Meta:
        return Meta(content_type="text/plain")

    for function, expected in ((meta, Meta()), (wrong, Meta()), (plain, Meta(content_type="text/plain"))):
        exchange = await ask(make(handler, meta=function))
        assert exchange.reader.meta == expected
        assert content(exchange) == [Text("x")]
    assert ["meta" in record.getMessage() for record in caplog.records].count(True) == 2


# ---- limits


async def test_text_is_cut_at_the_limit_and_the_rule_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    closed = []

    async def handler(ctx: QueryContext) -> Answer:
        try:
            yield "abc"
            yield "defg"
            yield "not reached"
        except Exception:
            yield "a limit is not to be caught"
        finally:
            await asyncio.sleep(0)
            closed.append(True)

    exchange = await ask(make(handler, limits=Limits(characters=5)))
    error = error_of(exchange)
    assert content(exchange) == [Text("abcde"), error]
    assert "5 characters" in error.text
    assert not error.allow_retry
    assert closed == [True]
    assert [record.__dict__.get("rule") for record in caplog.records] == ["text-limit"]


async def test_a_limit_inside_a_delegate_ends_the_answer_and_closes_all() -> None:
    closed = []

    async def delegate() -> Answer:
        try:
            yield "abc"
            yield ReplaceResponse("abcdef")
        finally:
            closed.append("delegate")

    async def handler(ctx: QueryContext) -> Answer:
        try:
            yield delegate()
        finally:
            closed.append("handler")

    exchange = await ask(make(handler, limits=Limits(characters=5)))
    assert content(exchange)[0] == Text("abc")
    error_of(exchange)
    assert closed == ["delegate", "handler"]


async def test_the_sum_of_replaced_text_only_warns_and_once(caplog: pytest.LogCaptureFixture) -> None:
    async def handler(ctx: QueryContext) -> Answer:
        for _ in range(10):
            yield ReplaceResponse("abc")
            await asyncio.sleep(0)
            yield "d"

    exchange = await ask(make(handler, limits=Limits(characters=5)))
    assert exchange.text == "abcd"
    assert exchange.reader.clean
    assert [record.__dict__.get("rule") for record in caplog.records] == ["text-sum"]


async def test_an_endless_handler_that_never_waits_is_ended_by_the_character_limit() -> None:
    async def handler(ctx: QueryContext) -> Answer:
        while True:
            yield "x"

    exchange = await ask(make(handler, limits=Limits(characters=100_000)))
    assert exchange.text == "x" * 100_000
    error_of(exchange)


async def test_a_hundred_thousand_tokens_one_by_one_arrive_within_the_event_limit() -> None:
    clock = ManualClock()
    token = asyncio.Event()

    async def handler(ctx: QueryContext) -> Answer:
        for _ in range(2000):
            await token.wait()
            token.clear()
            yield "x"

    async with started(make(handler, limits=Limits(events=200, total_seconds=3600)), clock) as (exchange, task):
        for _ in range(2000):
            token.set()
            await clock.advance(1.7)
        await task
    assert exchange.text == "x" * 2000
    assert exchange.reader.clean, exchange.reader.violations
    assert 150 <= exchange.reader.events <= 200


async def test_held_text_goes_out_by_a_timer_when_the_handler_says_nothing_more() -> None:
    clock = ManualClock()
    more, end = asyncio.Event(), asyncio.Event()

    async def handler(ctx: QueryContext) -> Answer:
        for _ in range(10):
            yield SuggestedReply("x")
        await more.wait()
        yield "held"
        await end.wait()

    async with started(make(handler, limits=Limits(events=20, total_seconds=61, ping_seconds=0)), clock) as (
        exchange,
        task,
    ):
        more.set()
        await settle()
        assert exchange.text == ""
        await clock.advance(9.9)
        assert exchange.text == ""
        await clock.advance(1.0)
        assert exchange.text == "held"
        end.set()
        await task


# ---- time


async def test_a_ping_is_a_comment_after_a_silence_and_only_then() -> None:
    clock = ManualClock()
    tokens: asyncio.Queue[str] = asyncio.Queue()

    async def handler(ctx: QueryContext) -> Answer:
        for _ in range(2):
            yield await tokens.get()

    async with started(make(handler), clock) as (exchange, task):
        await clock.advance(10)
        tokens.put_nowait("a")
        await clock.advance(10)
        assert b"ping" not in exchange.body
        await clock.advance(6)
        assert exchange.chunks[-1] == b": ping\r\n\r\n"
        await clock.advance(40)
        assert exchange.body.count(b": ping\r\n\r\n") == 3
        tokens.put_nowait("b")
        await task
    assert content(exchange) == [Text("a"), Text("b")]
    assert clock.armed == 0


async def test_no_ping_when_it_is_switched_off() -> None:
    clock = ManualClock()

    async def handler(ctx: QueryContext) -> Answer:
        yield "x"
        await asyncio.Event().wait()

    async with started(make(handler, limits=Limits(ping_seconds=0)), clock) as (exchange, _):
        await clock.advance(3000)
        assert b"ping" not in exchange.body


@pytest.mark.parametrize(("seconds", "deadline"), [(3600, 3599), (10, 9.5), (0.1, 0.095)])
async def test_the_deadline_ends_the_answer_in_time(seconds: float, deadline: float) -> None:
    clock = ManualClock()
    ended: list[BaseException] = []

    async def handler(ctx: QueryContext) -> Answer:
        yield "x"
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError as exc:
            ended.append(exc)
            raise

    async with started(make(handler, limits=Limits(total_seconds=seconds)), clock) as (exchange, task):
        await clock.advance(deadline - 0.001)
        assert not task.done()
        await clock.advance(0.001)
        assert task.done()
    error = error_of(exchange)
    assert "seconds" in error.text or " s " in error.text
    assert not error.allow_retry
    assert len(ended) == 1
    assert clock.armed == 0


async def test_the_ending_does_not_wait_for_the_handlers_cleanup(caplog: pytest.LogCaptureFixture) -> None:
    clock = ManualClock()
    cleanup = asyncio.Event()

    async def handler(ctx: QueryContext) -> Answer:
        yield "x"
        try:
            await asyncio.Event().wait()
        finally:
            await cleanup.wait()
            raise RuntimeError("too late")

    async with started(make(handler, limits=Limits(total_seconds=10)), clock) as (exchange, task):
        await clock.advance(9.6)
        assert exchange.ended
        assert not task.done()
        cleanup.set()
        await task
    error_of(exchange)
    assert any("after its answer had ended" in record.getMessage() for record in caplog.records)


async def test_what_is_yielded_after_the_ending_is_not_heard() -> None:
    clock = ManualClock()
    closed = []

    async def handler(ctx: QueryContext) -> Answer:
        try:
            yield "x"
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            yield "swallowed"
            yield "not reached"
        finally:
            for _ in range(3):
                try:
                    yield "while being closed"
                except GeneratorExit:
                    continue
            closed.append(True)

    async with started(make(handler, limits=Limits(total_seconds=10)), clock) as (exchange, task):
        await clock.advance(9.6)
        await task
    assert exchange.text == "x"
    error_of(exchange)
    assert closed == [True]


@pytest.mark.usefixtures("no_tasks")
async def test_a_handler_that_ignores_every_cancellation_is_abandoned_by_name(caplog: pytest.LogCaptureFixture) -> None:
    clock = ManualClock()
    stubborn = True
    cancelled = 0

    async def deaf(ctx: QueryContext) -> Answer:
        nonlocal cancelled
        yield "x"
        while stubborn:
            try:
                await release.wait()
            except asyncio.CancelledError:
                cancelled += 1

    release = asyncio.Event()
    async with started(make(deaf, limits=Limits(close_seconds=2)), clock) as (exchange, task):
        exchange.disconnect()
        await clock.advance(1.9)
        assert not task.done()
        await clock.advance(0.1)
        assert task.done()
    assert cancelled == 2
    assert len(abandoned) == 1
    (record,) = [record for record in caplog.records if "abandoned" in record.getMessage()]
    assert "deaf" in record.getMessage()
    stubborn = False
    release.set()
    await settle()
    assert abandoned == set()


# ---- the reader


@pytest.mark.usefixtures("no_tasks")
async def test_a_disconnect_cancels_the_handler_and_its_delegates() -> None:
    log: list[str] = []

    async def delegate() -> Answer:
        try:
            yield "x"
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            log.append("delegate cancelled")
            raise
        finally:
            await asyncio.sleep(0)
            log.append("delegate closed")

    async def handler(ctx: QueryContext) -> Answer:
        try:
            yield delegate()
        finally:
            log.append("handler closed")

    async with started(make(handler)) as (exchange, task):
        exchange.disconnect()
        await task
    assert log == ["delegate cancelled", "delegate closed", "handler closed"]
    assert exchange.text == "x"
    assert not exchange.ended


async def test_a_slow_reader_pushes_back_on_the_handler() -> None:
    produced = 0

    async def handler(ctx: QueryContext) -> Answer:
        nonlocal produced
        for produced in range(1, 100_001):
            yield "x"

    exchange = Exchange()
    exchange.room.clear()
    task = asyncio.create_task(exchange.run(create_app(make(handler), access_key=KEY)))
    await settle()
    assert produced == 0  # not even meta has gone out
    exchange.room.set()
    while not produced:
        await asyncio.sleep(0)
    exchange.room.clear()
    before = produced
    await settle(200)
    assert produced <= before + 2 * ROOM
    exchange.room.set()
    await task
    assert exchange.text == "x" * 100_000


async def test_a_stalled_send_is_given_up_after_the_deadline_and_the_handler_closed() -> None:
    clock = ManualClock()
    closed = []

    async def handler(ctx: QueryContext) -> Answer:
        try:
            while True:
                yield "x" * 100
        finally:
            closed.append(True)

    limits = Limits(total_seconds=10, close_seconds=1, characters=10**9)
    exchange = Exchange(clock, limits)
    task = asyncio.create_task(exchange.run(create_app(make(handler, limits=limits), access_key=KEY)))
    while not exchange.chunks:
        await asyncio.sleep(0)
    exchange.room.clear()
    await settle(200)
    await clock.advance(9.5)
    assert not task.done()
    assert closed == [True]  # cleaned up at the deadline, though the send still waits
    await clock.advance(1)
    assert task.done()
    assert not task.cancelled()
    assert clock.armed == 0


async def test_a_send_that_fails_counts_as_a_disconnect() -> None:
    closed = []

    async def handler(ctx: QueryContext) -> Answer:
        try:
            while True:
                yield "x"
                await asyncio.sleep(0)
        finally:
            closed.append(True)

    class Broken(Exchange):
        async def _send(self, message: Any) -> None:
            if len(self.chunks) == 3:
                raise OSError
            await super()._send(message)

    await Broken().run(create_app(make(handler), access_key=KEY))
    assert closed == [True]


@pytest.mark.usefixtures("no_tasks")
async def test_when_the_server_cancels_the_request_the_answer_still_ends_legally() -> None:
    closed = []

    async def handler(ctx: QueryContext) -> Answer:
        try:
            yield "x"
            await asyncio.Event().wait()
        finally:
            closed.append(True)

    async with started(make(handler)) as (exchange, task):
        task.cancel()
        await task
        assert not task.cancelled()
    assert error_of(exchange).allow_retry
    assert closed == [True]


async def test_a_receive_that_repeats_the_body_does_not_stop_the_answer() -> None:
    class Repeating(Exchange):
        async def _receive(self) -> dict[str, Any]:
            return {"type": "http.request", "body": b'{"type":"query","query":[{"role":"user","content":"x"}]}'}

    async def handler(ctx: QueryContext) -> Answer:
        yield "x"
        await asyncio.sleep(0.001)
        yield "y"

    assert (await Repeating().run(create_app(make(handler), access_key=KEY))).text == "xy"


# ---- cancellation is the handler's own affair


async def test_a_timeout_of_the_handlers_own_around_a_yield_stays_its_own() -> None:
    async def handler(ctx: QueryContext) -> Answer:
        try:
            async with asyncio.timeout(0.02):
                while True:
                    yield "x" * 10
        except TimeoutError:
            yield "timed out"

    exchange = Exchange()
    task = asyncio.create_task(exchange.run(create_app(make(handler), access_key=KEY)))
    while not exchange.chunks:
        await asyncio.sleep(0)
    exchange.room.clear()  # the pump waits for room when the timeout strikes
    await asyncio.sleep(0.05)
    exchange.room.set()
    await task
    assert exchange.text.endswith("timed out")
    assert exchange.reader.clean


async def test_a_timeout_around_a_delegate_is_a_fallback() -> None:
    async def slow() -> Answer:
        yield "partial "
        await asyncio.Event().wait()

    async def handler(ctx: QueryContext) -> Answer:
        try:
            async with asyncio.timeout(0.01):
                yield slow()
        except TimeoutError:
            yield "fallback"

    assert content(await ask(make(handler))) == [Text("partial "), Text("fallback")]


async def test_awaiting_a_task_that_was_cancelled_is_a_failure_of_the_handler() -> None:
    async def handler(ctx: QueryContext) -> Answer:
        yield "x"
        inner = asyncio.ensure_future(asyncio.sleep(100))
        asyncio.get_running_loop().call_soon(inner.cancel)
        await inner

    assert error_of(await ask(make(handler))).text.startswith(FAILED)


async def test_a_handler_that_is_cancelled_with_its_whole_loop_may_be_asked_again() -> None:
    tasks: list[asyncio.Task[Any] | None] = []

    async def handler(ctx: QueryContext) -> Answer:
        tasks.append(asyncio.current_task())
        yield "x"
        await asyncio.Event().wait()

    async with started(make(handler)) as (exchange, task):
        assert tasks[0] is not None
        tasks[0].cancel()
        await task
    assert error_of(exchange) == RESTARTING


async def test_a_thousand_answers_leave_nothing_behind() -> None:
    async def handler(ctx: QueryContext) -> Answer:
        yield "x"
        if int(ctx.text) % 3:
            await asyncio.sleep(0)
        if int(ctx.text) % 5 == 0:
            raise AnswerError("no")

    bot = make(handler)
    logging.getLogger("poe_asgi.server").setLevel(logging.ERROR)
    try:
        for number in range(1000):
            exchange = await ask(bot, {"type": "query", "query": [{"role": "user", "content": str(number)}]})
            assert exchange.reader.clean
    finally:
        logging.getLogger("poe_asgi.server").setLevel(logging.NOTSET)
    await settle()
    assert len(asyncio.all_tasks()) == 1
