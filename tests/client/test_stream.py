"""Streams of other bots: what comes out of which bytes, and what every failure is called."""

from __future__ import annotations

import asyncio
import json
import logging
from contextlib import aclosing
from itertools import cycle
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st

from poe_asgi import (
    Answer,
    Bot,
    ConfigurationError,
    Data,
    File,
    Message,
    QueryContext,
    ReplaceResponse,
    SuggestedReply,
    Text,
    assistant,
    create_app,
    user,
)
from poe_asgi._clock import passed_in, sleep
from poe_asgi.client import PoeClient, Retry, Timeouts
from poe_asgi.errors import (
    BotError,
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
    UndeclaredDependencyError,
    UnknownBotError,
    UpstreamError,
    UpstreamTimeoutError,
)
from poe_asgi.protocol import Json, Meta
from tests.client.support import DONE, META, Answers, client, event, for_ever, refusal, stream, text
from tests.support import ManualClock, settle

pytestmark = pytest.mark.asyncio

FILE = event("file", url="u", name="n", content_type="c", inline_ref=None)


# ---- what goes out


async def test_a_query_goes_out_as_the_protocol_says() -> None:
    app = Answers(stream(META, text("hi"), DONE))
    reply = await client(app).ask(
        "Claude Sonnet/4",
        [user("one", File(url="u", name="n", content_type="c")), assistant("two"), user("three")],
        system="Be terse.",
        temperature=0.2,
        stop=["\n"],
        parameters={"style": "dry"},
        attachments=[File(url="v", name="m", content_type="d")],
    )
    assert str(reply) == "hi"
    (request,), (body,) = app.requests, app.bodies
    assert (request["method"], request["raw_path"]) == ("POST", b"/bot/Claude%20Sonnet%2F4")
    assert request["headers"]["authorization"] == "Bearer secret-key"
    assert request["headers"]["content-type"] == "application/json"
    assert request["headers"]["accept"] == "text/event-stream"
    assert body == {
        "version": "1.2",
        "type": "query",
        "query": [
            {"role": "system", "content": "Be terse."},
            {"role": "user", "content": "one", "attachments": [{"url": "u", "name": "n", "content_type": "c"}]},
            {"role": "bot", "content": "two"},
            {
                "role": "user",
                "content": "three",
                "attachments": [{"url": "v", "name": "m", "content_type": "d"}],
                "parameters": {"style": "dry"},
            },
        ],
        "user_id": "",
        "conversation_id": "",
        "message_id": "",
        "temperature": 0.2,
        "stop_sequences": ["\n"],
    }


async def test_the_body_carries_no_key_and_no_nulls() -> None:
    app = Answers(stream(META, text("hi"), DONE))
    await client(app).ask("Claude", "hi")
    assert "secret-key" not in json.dumps(app.bodies)
    assert "null" not in json.dumps(app.bodies)


async def test_metadata_of_our_own_messages_stays_with_us() -> None:
    app = Answers(stream(META, text("hi"), DONE))
    await client(app).ask("Claude", [Message("bot", "x", metadata="ours"), user("y")])
    assert "ours" not in json.dumps(app.bodies)


async def test_lone_surrogates_go_out_escaped() -> None:
    app = Answers(stream(META, text("hi"), DONE))
    await client(app).ask("Claude", "\ud800")
    assert app.bodies[0]["query"][0]["content"] == "\ud800"


@pytest.mark.parametrize("messages", [None, []])
async def test_nothing_to_send_is_a_mistake(messages: Any) -> None:
    with pytest.raises(ConfigurationError, match="nothing to send"):
        client(Answers()).stream("Claude", messages)


async def test_messages_of_a_wrong_type_are_a_mistake_that_names_the_right_ones() -> None:
    with pytest.raises(ConfigurationError, match=r"user\("):
        client(Answers()).stream("Claude", [{"role": "user", "content": "x"}])  # type: ignore[list-item]


async def test_without_a_key_the_first_use_says_where_to_put_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("POE_API_KEY", raising=False)
    poe = client(Answers(stream(META, text("hi"), DONE)), api_key=None)
    for messages in ("hi", [user("hi")]):
        with pytest.raises(ConfigurationError, match=r"api_key.*POE_API_KEY"):
            await poe.ask("Claude", messages)
    monkeypatch.setenv("POE_API_KEY", "from-the-environment")
    assert str(await poe.ask("Claude", "hi")) == "hi"


# ---- what comes in


async def test_events_come_as_the_classes_a_handler_yields() -> None:
    app = Answers(
        stream(
            META + text("a"),
            b": ping\n\nevent: ping\ndata: {}\n\nevent: ping\n\n",
            FILE + event("suggested_reply", text="r") + event("data", metadata="d") + event("json", a=1),
            event("dance") + b"event: text\ndata: nonsense\n\n" + b"id: 7\nretry: 5\n",
            event("replace_response", text="b") + DONE,
        )
    )
    async with client(app).stream("Claude", "hi") as answer:
        events = [each async for each in answer]
    file = File(url="u", name="n", content_type="c")
    assert events == [Text("a"), file, SuggestedReply("r"), Data("d"), Json({"a": 1}), ReplaceResponse("b")]
    assert answer.reply.text == "b"
    assert answer.reply.files == (file,)
    assert answer.reply.suggested_replies == ("r",)
    assert answer.reply.meta == Meta()
    assert answer.reply.error is None


async def test_a_stream_that_is_left_early_is_closed_at_once() -> None:
    app = Answers(stream(META + text("a"), for_ever))
    async with client(app).stream("Claude", "hi") as answer, aclosing(aiter(answer)) as events:
        assert await anext(events) == Text("a")
    assert (app.disconnected, app.running) == (1, 0)
    assert answer.reply.text == "a"


async def test_a_stream_that_is_dropped_is_closed_without_the_garbage_collector(
    caplog: pytest.LogCaptureFixture,
) -> None:
    app = Answers(stream(META + text("a"), for_ever))
    async for _ in client(app).stream("Claude", "hi"):
        break
    await settle()
    assert (app.disconnected, app.running) == (1, 0)
    assert caplog.records == []


async def test_a_cancelled_call_closes_the_connection() -> None:
    app = Answers(stream(META + text("a"), for_ever))
    task = asyncio.create_task(client(app).ask("Claude", "hi"))
    await settle()
    assert app.running == 1
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert (app.disconnected, app.running) == (1, 0)


# ---- failures


async def test_an_error_event_is_raised_with_what_it_says() -> None:
    app = Answers(stream(META, text("so far"), event("error", text="No.", allow_retry=False, error_type="x"), DONE))
    poe = client(app)
    async with poe.stream("Claude", "hi") as answer:
        with pytest.raises(BotError) as caught:
            _ = [each async for each in answer]
    assert (caught.value.text, caught.value.allow_retry, caught.value.error_type) == ("No.", False, "x")
    assert answer.reply.text == "so far"
    assert answer.reply.error is not None


async def test_an_undeclared_dependency_is_told_from_other_errors() -> None:
    words = "message m-1 was called on bot Claude that has 0 or undefined call count in settings"
    with pytest.raises(UndeclaredDependencyError, match=r"bot\.uses"):
        await client(Answers(stream(META, event("error", text=words)))).ask("Claude", "hi")


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (400, {"error": {"message": "bad", "code": "invalid_parameter"}}, InvalidCallError),
        (400, {"error": {"message": "bad", "code": "model_not_found"}}, UnknownBotError),
        (
            401,
            {"error": {"code": 401, "type": "authentication_error", "message": "bad", "metadata": {}}},
            InvalidKeyError,
        ),
        (401, {"error": "invalid_grant", "error_description": "bad"}, InvalidKeyError),
        (402, {"error": {"message": "bad", "type": "insufficient_quota"}}, NoCreditsError),
        (403, {"error": {"message": "bad"}}, ForbiddenError),
        (404, {"type": "error", "error": {"type": "not_found_error", "message": "bad"}}, UnknownBotError),
        (408, {"error": {"message": "bad"}}, UpstreamTimeoutError),
        (413, {"error": {"message": "bad"}}, InvalidCallError),
        (418, "bad", InvalidCallError),
        (429, {"error": {"message": "bad"}}, RateLimitedError),
        (500, {"error": {"message": "bad", "type": "provider_error"}}, OverloadedError),
        (503, ["bad"], OverloadedError),
        (529, None, OverloadedError),
        (302, {}, InvalidResponseError),
    ],
)
async def test_an_http_status_is_one_error_of_its_own(status: int, body: object, expected: type[UpstreamError]) -> None:
    app = Answers(refusal(status, body, x_request_id="r-1", retry_after="7"))
    with pytest.raises(UpstreamError) as caught:
        await client(app).ask("Claude", "hi")
    assert type(caught.value) is expected
    assert (caught.value.status, caught.value.request_id, caught.value.retry_after) == (status, "r-1", 7)
    assert caught.value.body == json.dumps(body)
    assert str(status) in str(caught.value)
    assert "secret-key" not in repr(caught.value) + str(caught.value)


async def test_an_answer_that_is_no_event_stream_is_an_invalid_response_with_its_body() -> None:
    with pytest.raises(InvalidResponseError, match="text/html") as caught:
        await client(Answers((200, {"content-type": "text/html"}, [b"<h1>" + b"x" * 99_999]))).ask("Claude", "hi")
    assert len(caught.value.body) == 2000


async def test_a_401_with_an_event_stream_is_no_answer() -> None:
    app = Answers((401, {"content-type": "text/event-stream"}, [META, text("hi"), DONE]))
    with pytest.raises(InvalidKeyError):
        await client(app).ask("Claude", "hi")


@pytest.mark.parametrize("cut", [META, META + text("a"), META + text("a") + b"event: done\ndata: ", b""])
async def test_an_answer_without_done_is_truncated(cut: bytes) -> None:
    poe = client(Answers(stream(cut)))
    answer = poe.stream("Claude", "hi")
    with pytest.raises(TruncatedStreamError):
        await answer.read()
    assert answer.reply.text == ("a" if b"event: text" in cut else "")


async def test_done_with_empty_data_is_an_end() -> None:
    assert str(await client(Answers(stream(META, text("a"), b"event: done\ndata:\n\n"))).ask("Claude", "hi")) == "a"


async def test_a_line_that_never_ends_is_an_invalid_response() -> None:
    app = Answers(stream(*[b"data: " + b"x" * 2**20] * 20))
    with pytest.raises(InvalidResponseError, match="longer than"):
        await client(app).ask("Claude", "hi")


@pytest.mark.parametrize(
    ("chunks", "seconds", "expected"),
    [
        ([], 60, FirstEventTimeoutError),
        ([b": ping\n\n"], 60, FirstEventTimeoutError),
        ([META], 300, IdleTimeoutError),
        ([META, text("a"), b": ping\n\n"], 300, IdleTimeoutError),
    ],
)
async def test_silence_is_a_timeout_and_pings_are_no_life(
    chunks: list[bytes], seconds: float, expected: type[UpstreamError]
) -> None:
    clock = ManualClock()
    passed_in.set(clock)
    task = asyncio.create_task(client(Answers(stream(*chunks, for_ever))).ask("Claude", "hi"))
    await clock.advance(seconds - 1)
    assert not task.done()
    await clock.advance(1)
    with pytest.raises(expected):
        await task
    assert clock.armed == 0


async def test_a_reader_that_takes_its_time_is_no_silence_of_the_bot() -> None:
    clock = ManualClock()
    passed_in.set(clock)

    async def read_slowly() -> list[Any]:
        events = []
        async with client(app).stream("Claude", "hi") as answer:
            async for each in answer:
                events.append(each)
                await sleep(400)
        return events

    async def later() -> None:
        await sleep(500)

    app = Answers(stream(META + text("a"), later, text("b"), DONE))
    task = asyncio.create_task(read_slowly())
    await clock.advance(2000)
    assert task.done()
    assert await task == [Text("a"), Text("b")]


async def test_an_answer_that_goes_on_for_ever_is_a_timeout_too() -> None:
    clock = ManualClock()
    passed_in.set(clock)

    async def a_minute() -> None:
        await sleep(60)

    chunks = [part for _ in range(100) for part in (text("x"), a_minute)]
    task = asyncio.create_task(client(Answers(stream(META, *chunks))).ask("Claude", "hi"))
    await clock.advance(3601)
    with pytest.raises(TotalTimeoutError):
        await task


# ---- retry


async def retried(*answers: Any, retry: Retry | None = None) -> tuple[Answers, asyncio.Task[Any], ManualClock]:
    clock = ManualClock()
    passed_in.set(clock)
    app = Answers(*answers)
    task = asyncio.create_task(client(app, retry=retry or Retry()).ask("Claude", "hi"))
    await clock.advance(60)
    return app, task, clock


@pytest.mark.parametrize(
    "first",
    [
        refusal(429, {}),
        refusal(500, {}),
        refusal(503, {}, retry_after="3"),
        stream(META, event("error", text="try again")),
        stream(META),
        stream(),
    ],
)
async def test_a_call_is_tried_again_before_the_first_content(first: Any) -> None:
    app, task, _ = await retried(first, stream(META, text("hi"), DONE))
    assert str(await task) == "hi"
    assert len(app.requests) == 2


async def test_a_call_is_never_repeated_after_content() -> None:
    app, task, _ = await retried(stream(META, text("so far")), stream(META, text("again"), DONE))
    with pytest.raises(TruncatedStreamError):
        await task
    assert len(app.requests) == 1


@pytest.mark.parametrize(
    "first",
    [refusal(401, {}), refusal(402, {}), refusal(400, {}), stream(META, event("error", text="no", allow_retry=False))],
)
async def test_what_cannot_get_better_is_not_tried_again(first: Any) -> None:
    app, task, _ = await retried(first)
    with pytest.raises(UpstreamError):
        await task
    assert len(app.requests) == 1


async def test_attempts_are_counted_and_the_last_error_is_raised() -> None:
    app, task, _ = await retried(refusal(500, {}), refusal(429, {}), refusal(503, {}))
    with pytest.raises(OverloadedError, match="503"):
        await task
    assert len(app.requests) == 3


@pytest.mark.parametrize(
    ("attempt", "error", "elapsed", "expected"),
    [
        (1, OverloadedError("x"), 0, 0.25),
        (2, OverloadedError("x"), 0, 0.5),
        (1, RateLimitedError("x"), 0, 1.0),
        (1, RateLimitedError("x", retry_after=7), 0, 7),
        (1, RateLimitedError("x", retry_after=21), 0, None),
        (1, RateLimitedError("x", retry_after=7), 54, None),
        (3, OverloadedError("x"), 0, None),
        (1, InvalidKeyError("x"), 0, None),
        (1, OverloadedError("x"), 59.9, None),
    ],
)
async def test_the_pause_is_a_pure_rule(
    attempt: int, error: UpstreamError, elapsed: float, expected: float | None
) -> None:
    assert Retry().pause(attempt, error, elapsed=elapsed, chance=0.5) == expected


@given(st.integers(1, 50), st.floats(0, 1))
async def test_a_pause_is_bounded_and_spread(attempt: int, chance: float) -> None:
    pause = Retry(attempts=100, budget_seconds=1e9).pause(attempt, OverloadedError("x"), elapsed=0, chance=chance)
    assert pause is not None
    assert 0.125 <= pause <= 30


async def test_an_error_message_and_its_log_hold_no_key(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    _, task, _ = await retried(refusal(500, {"error": {"message": "m"}}), refusal(401, {}))
    with pytest.raises(InvalidKeyError):
        await task
    assert caplog.records
    assert "secret-key" not in caplog.text


# ---- inside a bot


def calling(handler: Any, **declared: Any) -> Bot:
    bot = Bot("Caller", **declared)
    bot.query(handler)
    return bot


async def ask_through(bot: Bot, app: Any, **fields: Any) -> Any:
    """Ask a bot whose calls go to this app."""
    from poe_asgi.client import Upstream, upstream
    from poe_asgi.local import AsgiTransport
    from tests.support import ask, query

    token = upstream.set(Upstream(transport=AsgiTransport(app)))
    try:
        return await ask(bot, query("hello", **fields))
    finally:
        upstream.reset(token)


async def test_inside_a_bot_the_ids_and_the_authenticating_key_go_along() -> None:
    app = Answers(stream(META, text("hi"), DONE))

    async def handler(ctx: QueryContext) -> Answer:
        yield ctx.poe.stream("Claude")

    ids = {"user_id": "u-1", "conversation_id": "c-1", "message_id": "m-1", "metadata": "d-1", "bot_query_id": "b-1"}
    exchange = await ask_through(calling(handler), app, **ids, temperature=0.7)
    assert exchange.text == "hi"
    assert app.requests[0]["headers"]["authorization"] == "Bearer " + "k" * 32
    body = app.bodies[0]
    assert {name: body[name] for name in ids} == ids
    assert body["query"] == [{"role": "user", "content": "hello"}]
    assert (body["temperature"], body["version"]) == (0.7, "1.2")


async def test_an_error_of_the_called_bot_passes_on_unless_the_handler_falls_back() -> None:
    app = Answers(
        stream(META, event("error", text="No.", allow_retry=False, error_type="insufficient_fund")),
    )

    async def relays(ctx: QueryContext) -> Answer:
        yield ctx.poe.stream("Claude")

    async def falls_back(ctx: QueryContext) -> Answer:
        try:
            yield ctx.poe.stream("Claude")
        except UpstreamError:
            yield "fallback"

    relayed = await ask_through(calling(relays), app)
    assert (relayed.reader.error.text, relayed.reader.error.error_type) == ("No.", "insufficient_fund")
    assert (await ask_through(calling(falls_back), app)).text == "fallback"


async def test_any_other_failure_of_a_call_goes_out_without_its_text() -> None:
    async def relays(ctx: QueryContext) -> Answer:
        yield ctx.poe.stream("Claude")

    exchange = await ask_through(calling(relays), Answers(refusal(402, {"error": {"message": "internal words"}})))
    assert exchange.reader.error.text.startswith("Something went wrong")
    assert b"internal words" not in exchange.body


async def test_calls_beyond_what_is_declared_warn_once_with_the_line_to_add(caplog: pytest.LogCaptureFixture) -> None:
    app = Answers(stream(META, text("hi"), DONE))

    async def handler(ctx: QueryContext) -> Answer:
        for _ in range(3):
            yield ctx.poe.stream(claude)
        yield ctx.poe.stream("GPT")

    bot = calling(handler)
    claude = bot.uses("Claude", calls=2)
    for _ in range(2):
        await ask_through(bot, app)
    warnings = [record.getMessage() for record in caplog.records if "declared" in record.getMessage()]
    assert len(warnings) == 2
    assert "bot.uses('Claude', calls=3)" in warnings[0]
    assert "bot.uses('GPT', calls=1)" in warnings[1]


async def test_a_disconnect_closes_the_call_within_the_handlers_task() -> None:
    from poe_asgi.client import Upstream, upstream
    from poe_asgi.local import AsgiTransport
    from tests.support import started

    app = Answers(stream(META + text("a"), for_ever))

    async def handler(ctx: QueryContext) -> Answer:
        yield ctx.poe.stream("Claude")

    upstream.set(Upstream(transport=AsgiTransport(app)))
    async with started(calling(handler)) as (exchange, task):
        await settle()
        assert exchange.text == "a"
        exchange.disconnect()
        await task
    assert (app.disconnected, app.running) == (1, 0)


# ---- through server, wire and client


ITEMS = st.lists(
    st.one_of(
        st.text(st.characters(codec=None), max_size=6),
        st.builds(ReplaceResponse, st.text(max_size=6)),
        st.builds(SuggestedReply, st.text(max_size=6)),
        st.builds(Data, st.text(max_size=6)),
        st.just(File(url="u", name="n", content_type="c", inline_ref="r")),
    ),
    min_size=1,
    max_size=12,
)
NOISE = [b": ping\n\n", b"event: ping\ndata: {}\n\n", b"event: ping\n\n", b"id: 5\nretry: 10\n\n", event("dance", a=1)]


def normal(items: list[Any]) -> list[Any]:
    """Adjacent texts joined, adjacent replaces collapsed, empty text left out."""
    result: list[Any] = []
    for item in items:
        each = Text(item) if isinstance(item, str) else item
        if each == Text(""):
            continue
        if isinstance(each, Text) and result and isinstance(result[-1], Text):
            result[-1] = Text(result[-1].text + each.text)
        elif isinstance(each, ReplaceResponse) and result and isinstance(result[-1], ReplaceResponse):
            result[-1] = each
        else:
            result.append(each)
    return result


@settings(max_examples=150, deadline=None)
@given(
    ITEMS,
    st.lists(st.integers(0, 5), max_size=12),
    st.integers(1, 40),
    st.lists(st.sampled_from([b"", *NOISE]), min_size=1),
)
async def test_what_a_handler_yields_arrives_equal_in_normal_form(
    items: list[Any], pauses: list[int], size: int, noise: list[bytes]
) -> None:
    bot = Bot()

    @bot.query
    async def handler(ctx: QueryContext) -> Answer:
        for number, item in enumerate(items):
            yield item
            if number in pauses:
                await asyncio.sleep(0)

    inner = create_app(bot, access_key="secret-key")

    async def rechunked(scope: Any, receive: Any, send: Any) -> None:
        """The answer cut anew, with noise between its events."""
        raw: list[bytes] = []

        async def collect(message: Any) -> None:
            if message["type"] == "http.response.start":
                await send(message)
            else:
                raw.append(message["body"])

        await inner({**scope, "path": "/", "raw_path": b"/"}, receive, collect)
        frames = b"".join(raw).split(b"\r\n\r\n")[:-1]
        noisy = b"".join(before + frame + b"\r\n\r\n" for before, frame in zip(cycle(noise), frames, strict=False))
        for start in range(0, len(noisy), size):
            await send({"type": "http.response.body", "body": noisy[start : start + size], "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    async with client(rechunked).stream("Bot", "hi") as answer:
        received = [each async for each in answer]
    assert normal(received) == normal(items)


async def test_an_own_pool_is_closed_and_a_borrowed_one_is_not() -> None:
    closed: list[str] = []

    class Pool:
        async def send(self, _: Any) -> Any:
            raise AssertionError

        async def aclose(self) -> None:
            closed.append("borrowed")

    async with PoeClient(api_key="x", transport=Pool(), timeouts=Timeouts()):
        pass
    assert closed == []
