"""What goes wrong with a call to a model: which error it is, when it is tried again, and how long it may take."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pytest

from poe_asgi._clock import passed_in, sleep
from poe_asgi.chat import ChatStream, PoeChatModel
from poe_asgi.client import Retry, Timeouts
from poe_asgi.errors import (
    ConnectionFailedError,
    ConnectTimeoutError,
    FirstEventTimeoutError,
    ForbiddenError,
    IdleTimeoutError,
    InvalidCallError,
    InvalidKeyError,
    InvalidResponseError,
    NoCreditsError,
    OverloadedError,
    RateLimitedError,
    TotalTimeoutError,
    TruncatedStreamError,
    UnknownBotError,
    UpstreamError,
    UpstreamTimeoutError,
)
from poe_asgi.local import Cut, FakePoe, Script, Thought, http_error
from poe_asgi.testing import ManualClock, settle
from tests.chat.support import DONE, KEY, Answers, chunk, data, for_ever, model, refusal, stream, whole

pytestmark = pytest.mark.asyncio

both = pytest.mark.parametrize("streaming", [False, True])


@pytest.fixture
def clock() -> Iterator[ManualClock]:
    manual = ManualClock()
    token = passed_in.set(manual)
    yield manual
    passed_in.reset(token)


def ask(asked: PoeChatModel, streaming: bool) -> Awaitable[Any]:
    return asked.stream("hi").read() if streaming else asked.invoke("hi")


async def failing(answer: Awaitable[Any], clock: ManualClock, seconds: float = 120) -> UpstreamError:
    """The error that an answer ends with, in this time."""
    task = asyncio.ensure_future(answer)
    for _ in range(int(seconds * 4)):
        await clock.advance(0.25)
        if task.done():
            break
    assert task.done(), "there is no end"
    error = task.exception()
    assert isinstance(error, UpstreamError)
    return error


# ---- which error

STATUSES: dict[int, type[UpstreamError]] = {
    400: InvalidCallError,
    401: InvalidKeyError,
    402: NoCreditsError,
    403: ForbiddenError,
    404: UnknownBotError,
    408: UpstreamTimeoutError,
    409: InvalidCallError,
    413: InvalidCallError,
    418: InvalidCallError,
    422: InvalidCallError,
    429: RateLimitedError,
    500: OverloadedError,
    502: OverloadedError,
    503: OverloadedError,
    504: OverloadedError,
    529: OverloadedError,
    204: InvalidResponseError,
    302: InvalidResponseError,
}


@both
@pytest.mark.parametrize("shape", ["A", "B", "C", "D", "E", "text", "sse"])
@pytest.mark.parametrize(("status", "error"), STATUSES.items())
async def test_the_status_says_what_went_wrong_in_every_shape(
    status: int, error: type[UpstreamError], shape: Any, streaming: bool
) -> None:
    poe = FakePoe()
    poe.failing(http_error(status, "What went wrong.", shape=shape), "chat")
    expected = UnknownBotError if shape == "B" and error is UnknownBotError else error
    with pytest.raises(UpstreamError, match=f"Asking gpt-5-mini failed with HTTP {status}") as raised:
        await ask(model(poe), streaming)
    assert type(raised.value) is expected
    assert raised.value.status == status
    assert "What went wrong." in raised.value.body
    assert raised.value.allow_retry == (error in {RateLimitedError, OverloadedError, UpstreamTimeoutError})
    if shape not in {"text", "sse"}:
        assert "What went wrong." in str(raised.value)


@both
@pytest.mark.parametrize(
    ("body", "status", "error", "message", "kind"),
    [
        ({"error": {"message": "m", "code": "model_not_found"}}, 400, UnknownBotError, "m", "model_not_found"),
        ({"error": {"message": "m", "type": "t", "param": "model", "code": "unsupported"}}, 400, InvalidCallError, "m", "t"),
        ({"error": "invalid_grant", "error_description": "m"}, 400, InvalidCallError, "m", "invalid_grant"),
        ({"error": "broken"}, 500, OverloadedError, "broken", "broken"),
        ({"error": {"message": "m", "type": "rate_limit_error"}}, 402, NoCreditsError, "m", "rate_limit_error"),
        ({"error": {"message": None, "type": 5, "code": [1]}}, 403, ForbiddenError, "", None),
        ({"error": None}, 500, OverloadedError, "", None),
        ({"message": "m"}, 500, OverloadedError, "m", None),
        ({"error": []}, 404, UnknownBotError, "", None),
        ([], 500, OverloadedError, "", None),
        (None, 500, OverloadedError, "", None),
        ("text", 500, OverloadedError, "", None),
    ],
)  # fmt: skip
async def test_whatever_the_body_is_it_is_read_as_far_as_it_can_be(
    body: Any, status: int, error: type[UpstreamError], message: str, kind: str | None, streaming: bool
) -> None:
    app = Answers(refusal(status, body, x_request_id="req-1"))
    with pytest.raises(UpstreamError) as raised:
        await ask(model(app), streaming)
    assert type(raised.value) is error
    shown = f"Asking gpt-5-mini failed with HTTP {status}" + (f": {message}." if message else ".")
    assert str(raised.value).startswith(shown)
    assert (raised.value.error_type, raised.value.body, raised.value.request_id) == (kind, json.dumps(body), "req-1")


@both
@pytest.mark.parametrize(
    ("said", "error"),
    [
        ({"error": {"message": "slow", "type": "rate_limit_error"}}, RateLimitedError),
        ({"error": {"message": "slow", "code": 429}}, RateLimitedError),
        ({"error": "broken"}, OverloadedError),
        ({"error": {"message": "no", "type": "invalid_request_error"}, "choices": []}, InvalidCallError),
    ],
)
async def test_an_error_with_status_200_is_one(said: Any, error: type[UpstreamError], streaming: bool) -> None:
    with pytest.raises(UpstreamError) as raised:
        await ask(model(Answers(refusal(200, said))), streaming)
    assert type(raised.value) is error


@both
async def test_an_app_that_fails_is_a_connection_that_failed(streaming: bool) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        raise ZeroDivisionError

    with pytest.raises(ConnectionFailedError):
        await ask(model(app), streaming)


# ---- trying again


@both
@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 529])
async def test_what_may_succeed_later_is_tried_again(clock: ManualClock, status: int, streaming: bool) -> None:
    poe = FakePoe()
    poe.bot("m", "Hello")
    poe.failing(http_error(status), "chat", times=2)
    answer = asyncio.ensure_future(ask(model(poe, model="m", retry=None), streaming))
    await clock.advance(60)
    assert ((await answer).text, len(poe.calls)) == ("Hello", 3)


@both
@pytest.mark.parametrize("status", [400, 401, 402, 403, 404, 413, 422])
async def test_what_cannot_succeed_is_not_tried_again(clock: ManualClock, status: int, streaming: bool) -> None:
    poe = FakePoe()
    poe.failing(http_error(status), "chat", times=None)
    await failing(ask(model(poe, retry=None), streaming), clock)
    assert len(poe.calls) == 1


@both
async def test_attempts_are_bounded(clock: ManualClock, streaming: bool) -> None:
    poe = FakePoe()
    poe.overloaded(times=None)
    error = await failing(ask(model(poe, retry=None), streaming), clock)
    assert (type(error), len(poe.calls)) == (OverloadedError, 3)


@both
async def test_retry_after_is_kept_to_the_second(clock: ManualClock, streaming: bool) -> None:
    poe = FakePoe()
    poe.rate_limited(retry_after=7)
    answer = asyncio.ensure_future(ask(model(poe, retry=None), streaming))
    await clock.advance(6.9)
    assert len(poe.calls) == 1
    await clock.advance(0.2)
    assert len(poe.calls) == 2
    assert (await answer).text


@both
async def test_a_retry_after_that_is_too_long_is_the_callers_to_wait_for(clock: ManualClock, streaming: bool) -> None:
    poe = FakePoe()
    poe.rate_limited(times=None, retry_after=300)
    error = await failing(ask(model(poe, retry=None), streaming), clock, 1)
    assert (error.retry_after, len(poe.calls)) == (300, 1)


BEFORE_CONTENT: list[Any] = [
    (),
    (chunk(role="assistant", content=""),),
    (b": ping\n\n", data({"choices": []})),
    (chunk(content=""), data({"model": "m", "usage": {"prompt_tokens": 1}})),
]


@pytest.mark.parametrize("before", BEFORE_CONTENT)
@pytest.mark.parametrize("end", [(), (data({"error": {"message": "slow", "type": "overloaded_error"}}),)])
async def test_a_stream_that_fails_before_its_first_content_is_tried_again(
    clock: ManualClock, before: tuple[bytes, ...], end: tuple[bytes, ...]
) -> None:
    app = Answers(stream(*before, *end), stream(chunk(content="Hello", finish="stop"), DONE))
    answer = model(app, retry=None).stream("hi")
    reading = asyncio.create_task(collected(answer))
    await clock.advance(5)
    deltas = await reading
    assert ("".join(each.text for each in deltas), len(app.requests)) == ("Hello", 2)
    assert (answer.result.text, answer.result.complete) == ("Hello", True)


async def collected(answer: ChatStream) -> list[Any]:
    return [delta async for delta in answer]


@pytest.mark.parametrize("content", ["text", Thought("Hm")])
async def test_a_connection_cut_before_content_is_tried_again_and_after_it_is_not(
    clock: ManualClock, content: Any
) -> None:
    poe = FakePoe()
    poe.bot("m", [Script(Cut()), Script(content, Cut()), "never"])
    error = await failing(model(poe, model="m", retry=None).stream("hi").read(), clock)
    assert (type(error), len(poe.calls)) == (TruncatedStreamError, 2)


async def test_what_a_failed_try_said_of_itself_is_forgotten(clock: ManualClock) -> None:
    failed = [data({"model": "first", "usage": {"prompt_tokens": 99}}), data({"error": {"message": "slow"}})]
    app = Answers(stream(*failed), stream(chunk(content="Hello", finish="stop"), DONE))
    answer = model(app, retry=None).stream("hi")
    reading = asyncio.create_task(collected(answer))
    await clock.advance(5)
    assert [delta.json.get("model") for delta in await reading if delta.json.get("model")] == ["m"]
    assert answer.result.usage.input_tokens == 0


@both
async def test_a_whole_answer_that_breaks_off_is_tried_again(clock: ManualClock, streaming: bool) -> None:
    poe = FakePoe()
    poe.bot("m", [Script(Cut()), "Hello"])
    answer = asyncio.ensure_future(ask(model(poe, model="m", retry=None), streaming))
    await clock.advance(5)
    assert ((await answer).text, len(poe.calls)) == ("Hello", 2)


async def test_a_stream_that_is_closed_while_it_waits_to_try_again_ends_at_once(clock: ManualClock) -> None:
    poe = FakePoe()
    poe.rate_limited(times=None, retry_after=10)
    reading = asyncio.create_task(model(poe, retry=None).stream("hi").read())
    await settle()
    assert clock.armed == 1
    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading
    await clock.advance(60)
    assert (len(poe.calls), clock.armed) == (1, 0)


# ---- timeouts

FAST = Timeouts(connect=1, first_event=10, idle=5, total=30)


def waits(seconds: float) -> Callable[[], Awaitable[None]]:
    return lambda: sleep(seconds)


async def test_the_default_has_a_short_connect_and_a_long_read() -> None:
    timeouts = PoeChatModel(api_key="k").connection.timeouts
    assert timeouts.connect <= 15
    assert min(timeouts.first_event, timeouts.idle, timeouts.total) >= 300


async def test_the_connect_timeout_goes_to_the_transport() -> None:
    seconds = []

    class Slow:
        async def send(self, request: Any) -> Any:
            seconds.append(request.connect_seconds)
            raise ConnectTimeoutError("No connection to x within 1 s.")

        async def aclose(self) -> None: ...

    for streaming in (False, True):
        with pytest.raises(ConnectTimeoutError):
            await ask(model(None, transport=Slow(), timeouts=FAST), streaming)
    assert seconds == [1, 1]


async def test_no_answer_in_time_is_a_first_event_timeout(clock: ManualClock) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass

    began = clock.now
    error = await failing(model(app, timeouts=FAST).stream("hi").read(), clock)
    assert (type(error), clock.now - began) == (FirstEventTimeoutError, 10)


@pytest.mark.parametrize("said", [(), (b": ping\n\n",), (b"data: {", )])  # fmt: skip
async def test_no_event_in_time_is_a_first_event_timeout(clock: ManualClock, said: tuple[bytes, ...]) -> None:
    began = clock.now
    app = Answers(stream(*said, for_ever))
    error = await failing(model(app, timeouts=FAST).stream("hi").read(), clock)
    assert (type(error), clock.now - began, app.running) == (FirstEventTimeoutError, 10, 0)


async def test_silence_after_content_is_an_idle_timeout_and_pings_are_silence(clock: ManualClock) -> None:
    began = clock.now
    pings = [part for _ in range(9) for part in (waits(2), b": ping\n\n")]
    app = Answers(stream(chunk(content="a"), waits(4), chunk(content="b"), *pings, for_ever))
    answer = model(app, timeouts=FAST, retry=None).stream("hi")
    error = await failing(answer.read(), clock)
    assert (type(error), clock.now - began, answer.result.text) == (IdleTimeoutError, 9, "ab")
    assert len(app.requests) == 1


async def test_an_answer_that_goes_on_and_on_meets_the_total_timeout(clock: ManualClock) -> None:
    began = clock.now
    words = [part for _ in range(20) for part in (chunk(content="a"), waits(4))]
    error = await failing(model(Answers(stream(*words)), timeouts=FAST).stream("hi").read(), clock)
    assert (type(error), clock.now - began) == (TotalTimeoutError, 30)


async def test_a_reader_that_takes_its_time_is_not_a_model_that_is_silent(clock: ManualClock) -> None:
    app = Answers(stream(chunk(content="a"), waits(1), chunk(content="b", finish="stop"), DONE))
    answer = aiter(model(app, timeouts=FAST).stream("hi"))
    assert (await anext(answer)).text == "a"
    await clock.advance(20)
    assert (await anext(answer)).text == "b"
    await answer.aclose()


async def test_a_whole_answer_may_think_as_long_as_it_takes_in_total(clock: ManualClock) -> None:
    status, headers, body = whole("Hello")
    app = Answers((status, headers, [waits(25), *body]), (status, headers, [waits(31), *body]))
    answer = asyncio.ensure_future(model(app, timeouts=FAST).invoke("hi"))
    await clock.advance(26)
    assert (await answer).text == "Hello"
    began = clock.now
    error = await failing(model(app, timeouts=FAST).invoke("hi"), clock)
    assert (type(error), clock.now - began) == (UpstreamTimeoutError, 30)


async def test_a_server_that_does_not_stream_and_does_not_end_is_too_slow_and_not_wrong(clock: ManualClock) -> None:
    status, headers, (body,) = whole("Hello")
    assert isinstance(body, bytes)
    app = Answers((status, headers, [body[:9], for_ever]))
    error = await failing(model(app, timeouts=FAST).stream("hi").read(), clock)
    assert (type(error), app.running) == (FirstEventTimeoutError, 0)


async def test_no_end_mark_after_the_model_finished_is_waited_for_no_longer_than_idle(clock: ManualClock) -> None:
    app = Answers(stream(chunk(content="a", finish="stop"), for_ever))
    answer = asyncio.create_task(model(app, timeouts=FAST).stream("hi").read())
    await clock.advance(5.5)
    result = await answer
    assert (result.text, result.complete, result.finish_reason) == ("a", False, "stop")


# ---- the key


@both
@pytest.mark.parametrize(
    "answer",
    [
        refusal(401, {"error": {"message": f"Incorrect API key provided: {KEY}", "type": KEY + "x"}}),
        (500, {"content-type": "text/html"}, [f"<p>authorization: Bearer {KEY}</p>".encode()]),
        refusal(200, {"error": {"message": f"The key {KEY} is wrong"}}),
        (200, {"content-type": "text/html"}, [f"<p>authorization: Bearer {KEY}</p>".encode()]),
        refusal(200, {"authorization": KEY}),
    ],
)
async def test_a_key_that_the_answer_repeats_is_in_no_error_and_no_log(
    answer: Any, streaming: bool, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG), pytest.raises(UpstreamError) as raised:
        await ask(model(Answers(answer), retry=Retry(attempts=2, budget_seconds=0)), streaming)
    assert KEY not in f"{raised.value} {raised.value!r} {raised.value.body} {caplog.text}"


@pytest.mark.parametrize(
    "said",
    [
        data({"error": {"message": f"The key {KEY} is wrong"}}),
        f"event: error\ndata: {KEY}\n\n".encode(),
        f"data: {{{KEY}\n\n".encode(),
    ],
)
async def test_nor_is_one_that_a_stream_repeats(said: bytes, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG), pytest.raises(UpstreamError) as raised:
        await model(Answers(stream(chunk(content="a"), said))).stream("hi").read()
    assert KEY not in f"{raised.value} {raised.value!r} {raised.value.body} {caplog.text}"


async def test_no_call_that_goes_well_or_not_logs_the_key(caplog: pytest.LogCaptureFixture, clock: ManualClock) -> None:
    poe = FakePoe()
    poe.bot("m", [http_error(503), Script("Hello", done=False)])
    with caplog.at_level(logging.DEBUG):
        answer = asyncio.ensure_future(model(poe, model="m", retry=None).stream("hi").read())
        await clock.advance(5)
        await answer
    assert "trying again" in caplog.text
    assert "end mark" in caplog.text
    assert KEY not in caplog.text
