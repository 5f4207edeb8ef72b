"""Charges: authorized before, captured after, never twice, and not lost when the handler is stopped."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest

from poe_asgi import Answer, Bot, ConfigurationError, InsufficientFundError, QueryContext, create_app, user
from poe_asgi._clock import passed_in
from poe_asgi.client import USD, Declared, HttpRequest, HttpResponse, PoeClient, Retry, Upstream, upstream
from poe_asgi.client._costs import _under_way
from poe_asgi.errors import (
    ConnectionFailedError,
    ConnectTimeoutError,
    InvalidCallError,
    InvalidKeyError,
    InvalidResponseError,
    OverloadedError,
    UpstreamError,
    UpstreamTimeoutError,
)
from poe_asgi.local import AsgiTransport
from poe_asgi.protocol import QueryRequest
from tests.support import KEY, Exchange, ManualClock, ask, query, settle

from .support import Answers, event, for_ever, refusal, stream

pytestmark = pytest.mark.asyncio

SUCCESS = stream(event("result", status="success"))
AT_ONCE = Retry(attempts=3, longest_pause=0)


def bound(app: Any, retry: Retry = AT_ONCE, *, query_id: str = "bq/1", key: str | None = KEY) -> PoeClient:
    request = QueryRequest((user("hi"),), bot_query_id=query_id)
    poe = PoeClient.of_bot(query=request, access_key=key, declared=Declared("B", None), max_files=20)
    transport = app if hasattr(app, "send") else AsgiTransport(app)
    poe.connection = replace(poe.connection, own_transport=transport, retry=retry)
    return poe


def verbs(app: Answers) -> list[str]:
    return [request["path"].rpartition("/")[2] for request in app.requests]


def raising(error: Exception) -> Callable[[], Awaitable[Any]]:
    async def fail() -> None:
        raise error

    return fail


async def charged(poe: PoeClient, body: Callable[[], Awaitable[object]]) -> None:
    """A charge to which something is added before this body runs."""
    async with poe.charge(up_to=USD(1)) as cost:
        cost.add(USD("0.5"))
        await body()


# ---- what is charged


async def test_an_amount_is_authorized_and_what_was_added_is_captured() -> None:
    app = Answers(SUCCESS)
    async with bound(app).charge(up_to=USD("0.05")) as cost:
        assert verbs(app) == ["authorize"]
        cost.add(USD("0.033"), "1 image, 16:9")
        cost.add(USD("0.0000101"))
    assert verbs(app) == ["authorize", "capture"]
    assert [request["raw_path"] for request in app.requests] == [
        b"/bot/cost/bq%2F1/authorize",
        b"/bot/cost/bq%2F1/capture",
    ]
    assert {request["headers"]["host"] for request in app.requests} == {"api.poe.com"}
    assert app.bodies == [
        {"amounts": [{"amount_usd_milli_cents": 5000, "description": None}], "access_key": KEY},
        {
            "amounts": [
                {"amount_usd_milli_cents": 3300, "description": "1 image, 16:9"},
                {"amount_usd_milli_cents": 2, "description": None},
            ],
            "access_key": KEY,
        },
    ]
    assert all(KEY not in str(request) for request in app.requests)


async def test_nothing_added_is_nothing_captured() -> None:
    app = Answers(SUCCESS)
    async with bound(app).charge(up_to=USD(1)):
        pass
    assert verbs(app) == ["authorize"]


async def test_what_was_added_before_the_body_failed_is_captured() -> None:
    app = Answers(SUCCESS)
    with pytest.raises(KeyError, match="mine"):
        await charged(bound(app), raising(KeyError("mine")))
    assert verbs(app) == ["authorize", "capture"]


async def test_more_than_was_authorized_is_not_added() -> None:
    app = Answers(SUCCESS)
    async with bound(app).charge(up_to=USD("0.05")) as cost:
        cost.add(USD("0.03"))
        with pytest.raises(ConfigurationError, match=r"\$0\.021 more would be beyond the \$0\.05"):
            cost.add(USD("0.021"))
        cost.add(USD("0.02"))
        assert cost.milli_cents == 5000
        with pytest.raises(ConfigurationError):
            cost.add(USD("0.000000001"))
    assert [each["amount_usd_milli_cents"] for each in app.bodies[1]["amounts"]] == [3000, 2000]


@pytest.mark.parametrize("amount", [USD(0), USD("-1"), 1, "1", 0.1, None])
async def test_an_amount_that_is_charged_is_above_zero(amount: Any) -> None:
    app = Answers(SUCCESS)
    poe = bound(app)
    with pytest.raises(ConfigurationError, match=r"USD|above zero"):
        poe.charge(up_to=amount)
    async with poe.charge(up_to=USD(1)) as cost:
        with pytest.raises(ConfigurationError, match=r"USD|above zero"):
            cost.add(amount)
    assert verbs(app) == ["authorize"]


async def test_after_the_end_nothing_can_be_added() -> None:
    async with bound(Answers(SUCCESS)).charge(up_to=USD(1)) as cost:
        pass
    with pytest.raises(ConfigurationError, match="has ended"):
        cost.add(USD("0.1"))


# ---- where it cannot work


async def test_a_charge_needs_a_query_and_an_access_key() -> None:
    with pytest.raises(ConfigurationError, match=r"ctx\.poe\.charge"):
        PoeClient(api_key=KEY).charge(up_to=USD(1))
    with pytest.raises(ConfigurationError, match="bot_query_id"):
        bound(None, query_id="").charge(up_to=USD(1))
    with pytest.raises(ConfigurationError, match="access key"):
        bound(None, key=None).charge(up_to=USD(1))


# ---- what comes back


@pytest.mark.parametrize("status", ["insufficient_fund", "error", ""])
async def test_any_other_result_is_a_lack_of_funds(status: str) -> None:
    entered = False
    app = Answers(stream(event("result", status=status)))
    with pytest.raises(InsufficientFundError):
        async with bound(app).charge(up_to=USD(1)):
            entered = True
    assert not entered
    assert verbs(app) == ["authorize"]


@pytest.mark.parametrize(
    "answer",
    [
        stream(),
        stream(event("ping")),
        stream(event("result")),
        stream(event("result", status=None)),
        stream(b"event: result\ndata: success\n\n"),
        stream(b'event: result\ndata: {"status": "succ'),
        refusal(200, {"status": "success"}),
        refusal(200, {}),
        (200, {"content-type": "text/html"}, [b"<html>"]),
    ],
)
async def test_no_result_is_no_success_and_no_lack_of_funds_either(answer: Any) -> None:
    with pytest.raises(InvalidResponseError, match="no result"):
        async with bound(Answers(answer)).charge(up_to=USD(1)):
            raise AssertionError


@pytest.mark.parametrize(
    "chunks",
    [
        [b"event: res", b'ult\ndata: {"status": "suc', b'cess"}\n\n'],
        [b": ping\n\n", event("unknown", x=1), event("result", status="success")],
        [b'event: result\r\ndata: {"status": "success"}\r\n'],
        [event("result", status="success"), for_ever],
        [event("result", status="success"), event("result", status="insufficient_fund")],
    ],
)
async def test_a_result_is_found_wherever_it_stands_and_waited_for_no_longer(chunks: Any) -> None:
    app = Answers(stream(*chunks))
    async with bound(app).charge(up_to=USD(1)):
        pass
    assert verbs(app) == ["authorize"]


@pytest.mark.parametrize(
    ("status", "headers", "body", "said"),
    [
        (400, {"content-type": "text/event-stream"}, event("error", message="Not enrolled") + event("x", message="yet"), "Not enrolled yet"),
        (400, {}, event("error", message="Not enrolled"), "Not enrolled"),
        (400, {"content-type": "application/json"}, b'{"error": {"message": "Not enrolled"}}', "Not enrolled"),
        (400, {"content-type": "application/json"}, b'{"message": "Not enrolled"}', "Not enrolled"),
        (400, {"content-type": "text/plain"}, b"Not enrolled", "Not enrolled"),
        (404, {}, b"Not enrolled", "Not enrolled"),
        (400, {}, b"", "HTTP 400."),
        (400, {}, b"\xff\xfe", "HTTP 400"),
    ],
)  # fmt: skip
async def test_an_error_says_what_poe_said(status: int, headers: dict[str, str], body: bytes, said: str) -> None:
    app = Answers((status, headers, [body]))
    with pytest.raises(InvalidCallError) as caught:
        async with bound(app).charge(up_to=USD(1)):
            raise AssertionError
    assert str(caught.value).startswith(f"Authorizing a charge failed with HTTP {status}")
    assert said in str(caught.value)
    assert caught.value.status == status
    assert len(app.requests) == 1


async def test_an_error_in_the_stream_of_a_success_is_an_error() -> None:
    with pytest.raises(UpstreamError, match="over the limit"):
        async with bound(Answers(stream(event("error", message="over the limit")))).charge(up_to=USD(1)):
            raise AssertionError


async def test_a_wrong_key_is_a_wrong_key() -> None:
    with pytest.raises(InvalidKeyError):
        async with bound(Answers(refusal(401, {}))).charge(up_to=USD(1)):
            raise AssertionError


async def test_the_key_is_in_no_error_and_no_log_line(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    echo = (400, {"content-type": "text/plain"}, [b"bad access_key " + KEY.encode()])
    poe = bound(Answers(SUCCESS, echo))
    charge = poe.charge(up_to=USD(1))
    with pytest.raises(UpstreamError) as caught:
        async with charge as cost:
            cost.add(USD(1))
    shown = (
        f"{caught.value!r} {caught.value} {vars(caught.value)} {charge!r} {cost!r} {poe!r} {caught.value.__context__!r}"
    )
    assert "bad access_key [key]" in shown
    assert KEY not in shown
    assert KEY not in caplog.text


# ---- tries


async def test_authorizing_is_tried_again_when_it_may_succeed_later() -> None:
    app = Answers(refusal(503, {}), refusal(429, {}, retry_after="0"), SUCCESS)
    async with bound(app).charge(up_to=USD(1)):
        pass
    assert verbs(app) == ["authorize"] * 3


class Failing(AsgiTransport):
    """Fails the first capture in this way."""

    def __init__(self, app: Any, failure: Callable[[], Awaitable[Any]]) -> None:
        super().__init__(app)
        self.failure = failure
        self.captures = 0

    async def send(self, request: HttpRequest) -> HttpResponse:
        if request.url.endswith("/capture"):
            self.captures += 1
            if self.captures == 1:
                await self.failure()
        return await super().send(request)


async def test_a_capture_whose_outcome_is_not_known_is_not_tried_again() -> None:
    for error in (ConnectionFailedError("broke off"), OverloadedError("x")):
        transport = Failing(Answers(SUCCESS), raising(error))
        with pytest.raises(type(error)):
            async with bound(transport).charge(up_to=USD(1)) as cost:
                cost.add(USD(1))
        assert transport.captures == 1
    app = Answers(SUCCESS, refusal(502, {}))
    with pytest.raises(OverloadedError):
        async with bound(app).charge(up_to=USD(1)) as cost:
            cost.add(USD(1))
    assert verbs(app) == ["authorize", "capture"]


async def test_a_capture_that_has_surely_not_arrived_is_tried_again() -> None:
    transport = Failing(Answers(SUCCESS), raising(ConnectTimeoutError("no connection")))
    async with bound(transport).charge(up_to=USD(1)) as cost:
        cost.add(USD(1))
    assert transport.captures == 2
    app = Answers(SUCCESS, refusal(429, {}), SUCCESS)
    async with bound(app).charge(up_to=USD(1)) as cost:
        cost.add(USD(1))
    assert verbs(app) == ["authorize", "capture", "capture"]


async def test_a_capture_that_fails_does_not_hide_why_the_body_did(caplog: pytest.LogCaptureFixture) -> None:
    app = Answers(SUCCESS, refusal(500, {}))
    with pytest.raises(KeyError, match="mine"):
        await charged(bound(app), raising(KeyError("mine")))
    assert [record.levelname for record in caplog.records] == ["ERROR"]


async def test_poe_has_five_minutes_to_ask_the_user() -> None:
    clock = ManualClock()
    passed_in.set(clock)

    async def charge() -> None:
        async with bound(Answers(stream(for_ever)), Retry(attempts=1)).charge(up_to=USD(1)):
            raise AssertionError

    task = asyncio.create_task(charge())
    await clock.advance(299)
    assert not task.done()
    await clock.advance(2)
    with pytest.raises(UpstreamTimeoutError, match="300 s"):
        await task


# ---- a handler that is stopped


class Gate:
    """A capture that goes through when the test lets it."""

    def __init__(self) -> None:
        self.open = asyncio.Event()
        self.app = Answers(SUCCESS, stream(self.open.wait, event("result", status="success")))

    @property
    def captured(self) -> bool:
        return self.app.running == 0 and verbs(self.app) == ["authorize", "capture"]


async def begin(gate: Gate, body: Callable[[], Awaitable[object]]) -> asyncio.Task[None]:
    task = asyncio.create_task(charged(bound(gate.app), body))
    await settle()
    return task


async def nothing() -> None:
    """The body of a charge that ends at once."""


@pytest.mark.parametrize("body", [nothing, for_ever], ids=["in the capture", "in the body"])
async def test_a_cancellation_waits_for_the_capture_and_then_goes_on(body: Any) -> None:
    gate = Gate()
    task = await begin(gate, body)
    task.cancel()
    await settle()
    assert not task.done()
    assert verbs(gate.app) == ["authorize", "capture"]
    gate.open.set()
    await asyncio.wait([task])
    assert task.cancelled()
    assert gate.captured


@pytest.mark.parametrize("body", [nothing, for_ever], ids=["in the capture", "in the body"])
async def test_a_second_cancellation_waits_no_longer_but_the_capture_goes_on(body: Any) -> None:
    gate = Gate()
    task = await begin(gate, body)
    task.cancel()
    await settle()
    task.cancel()
    await settle()
    assert task.cancelled()
    assert not gate.captured
    gate.open.set()
    await settle()
    assert gate.captured


@pytest.mark.parametrize("body", [nothing, for_ever], ids=["in the capture", "in the body"])
async def test_a_cancelled_handler_waits_for_ten_seconds_at_most(body: Any) -> None:
    clock = ManualClock()
    passed_in.set(clock)
    gate = Gate()
    task = await begin(gate, body)
    task.cancel()
    await clock.advance(9)
    assert not task.done()
    await clock.advance(2)
    assert task.cancelled()
    gate.open.set()
    await settle()
    assert gate.captured


async def test_what_becomes_of_a_capture_left_alone_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    go = asyncio.Event()
    gate = Gate()
    gate.app.answers = (SUCCESS, (200, {"content-type": "text/event-stream"}, [go.wait, event("result", status="no")]))
    task = await begin(gate, nothing)
    for _ in range(2):
        task.cancel()
        await settle()
    assert task.cancelled()
    go.set()
    await settle()
    [record] = [record for record in caplog.records if record.levelno >= logging.ERROR]
    assert "capturing a charge failed" in record.getMessage()


async def test_a_capture_that_is_cut_off_with_the_loop_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    clock = ManualClock()
    passed_in.set(clock)
    task = await begin(Gate(), for_ever)
    task.cancel()
    await clock.advance(11)
    assert task.cancelled()
    [capture] = _under_way
    capture.cancel()
    await settle()
    [record] = [record for record in caplog.records if record.levelno >= logging.ERROR]
    assert "cut off" in record.getMessage()
    assert not _under_way


async def test_a_timeout_of_the_handlers_own_stays_its_own() -> None:
    app = Answers(SUCCESS)

    async def limited() -> None:
        async with asyncio.timeout(None) as limit:

            async def take_too_long() -> None:
                limit.reschedule(0)
                await for_ever()

            await charged(bound(app), take_too_long)

    with pytest.raises(TimeoutError):
        await limited()
    assert verbs(app) == ["authorize", "capture"]


async def test_a_closed_generator_captures_what_it_has_added() -> None:
    app = Answers(SUCCESS)

    async def handler() -> AsyncIterator[str]:
        async with bound(app).charge(up_to=USD(1)) as cost:
            cost.add(USD(1))
            yield "x"

    generator = handler()
    assert await anext(generator) == "x"
    await generator.aclose()  # type: ignore[attr-defined]
    assert verbs(app) == ["authorize", "capture"]


# ---- in a bot


async def test_a_lack_of_funds_that_escapes_is_told_to_poe_as_such() -> None:
    upstream.set(Upstream(transport=AsgiTransport(Answers(stream(event("result", status="no"))))))
    bot = Bot()

    @bot.query
    async def handler(ctx: QueryContext) -> Answer:
        async with ctx.poe.charge(up_to=USD(1)):
            yield "never"

    exchange = await ask(bot, query(bot_query_id="bq"))
    assert exchange.reader.error is not None
    assert exchange.reader.error.error_type == "insufficient_fund"
    assert exchange.text == ""


async def test_a_user_who_leaves_pays_for_what_was_done() -> None:
    app = Answers(SUCCESS)
    upstream.set(Upstream(transport=AsgiTransport(app)))
    bot = Bot()

    @bot.query
    async def handler(ctx: QueryContext) -> Answer:
        async with ctx.poe.charge(up_to=USD(1)) as cost:
            cost.add(USD("0.5"), "half of it")
            yield "x"
            await asyncio.Event().wait()

    exchange = Exchange()
    task = asyncio.create_task(exchange.run(create_app(bot, access_key=KEY), query(bot_query_id="bq")))
    await settle()
    assert exchange.text == "x"
    exchange.disconnect()
    await task
    assert verbs(app) == ["authorize", "capture"]
    assert json.dumps(app.bodies[1]).count("half of it") == 1
