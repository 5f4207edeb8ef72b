"""What a bot says, as a chat completion."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from starlette.middleware.base import BaseHTTPMiddleware, RequestResponseEndpoint
from starlette.requests import Request
from starlette.responses import Response

from poe_asgi import (
    Answer,
    AnswerError,
    Bot,
    Data,
    File,
    InsufficientFundError,
    Limits,
    Meta,
    PrivacyAuthorizationError,
    QueryContext,
    ReplaceResponse,
    SuggestedReply,
    UserCausedError,
    UserMessageTooLongError,
    create_app,
)
from poe_asgi.openai_api._requests import Completion
from poe_asgi.openai_api._wires import ChunkWire, CompletionWire
from poe_asgi.protocol import QueryRequest
from poe_asgi.server import Admission
from tests.support import KEY, Exchange, ManualClock, settle

from .support import CHAT, JSON, USER, chunks, complete, deltas, message_of, post, saying, stepping, text_of

pytestmark = pytest.mark.asyncio

PLOT = File(url="https://example.com/plot.png", name="plot [1].png", content_type="image/png")
TABLE = File(url="https://example.com/a b.csv", name="a.csv", content_type="text/csv")
INLINE = File(url="https://example.com/x.png", name="x.png", content_type="image/png", inline_ref="x")


async def test_a_whole_completion_has_the_members_of_the_api() -> None:
    body = (await complete(saying("Hel", "lo"))).json
    assert body.pop("id").startswith("chatcmpl-")
    assert body.pop("created") > 1_700_000_000
    assert body == {
        "object": "chat.completion",
        "model": "Echo",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": "Hello"}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3, "is_estimate": True},
    }


async def test_a_stream_has_a_chunk_for_each_piece_that_is_ready_alone() -> None:
    exchange = await complete(stepping("Hel", "", "lo"), stream=True)
    assert exchange.headers["content-type"].startswith("text/event-stream")
    assert deltas(exchange) == [{"role": "assistant", "content": "Hel"}, {"content": "lo"}, {}]
    assert [chunk["choices"][0]["finish_reason"] for chunk in chunks(exchange)] == [None, None, "stop"]
    assert len({chunk["id"] for chunk in chunks(exchange)}) == 1
    assert {chunk["object"] for chunk in chunks(exchange)} == {"chat.completion.chunk"}


HALF, OTHER_HALF = "\ud83d", "\ude00"  # of an emoji


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    ("items", "text"),
    [
        (["a" + HALF, OTHER_HALF + "b"], "a\U0001f600b"),
        (["a" + HALF, "b"], "a\ufffdb"),
        (["a", OTHER_HALF], "a\ufffd"),
        (["a", HALF], "a\ufffd"),
        (["a", ReplaceResponse("b" + HALF), OTHER_HALF], "b\U0001f600"),
    ],
)
async def test_half_an_emoji_waits_for_the_other_half_and_never_goes_out_alone(
    items: list[Any], text: str, stream: bool
) -> None:
    exchange = await complete(stepping(*items), stream=stream)
    said = text_of(exchange).rpartition("---\n\n")[2] if stream else message_of(exchange)["content"]
    assert said == text
    for delta in deltas(exchange) if stream else ():
        delta.get("content", "").encode()  # raises for half a character


@pytest.mark.parametrize("stream", [False, True])
async def test_what_else_is_said_holds_no_half_of_an_emoji_either(stream: bool) -> None:
    for bot in (saying("a", SuggestedReply("b" + HALF)), saying(AnswerError("c" + HALF))):
        exchange = await complete(bot, stream=stream)
        assert b"\\ud83d" not in exchange.body
        assert b"\\ufffd" in exchange.body


async def test_the_usage_of_a_stream_comes_last_and_when_it_is_asked_for() -> None:
    exchange = await complete(stepping("Hello"), stream=True, stream_options={"include_usage": True})
    last = chunks(exchange)[-1]
    assert last["choices"] == []
    assert last["usage"] == {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3, "is_estimate": True}
    assert not any("usage" in chunk for chunk in chunks(await complete(stepping("Hello"), stream=True)))


@pytest.mark.parametrize("stream", [False, True])
async def test_an_answer_without_text_is_empty(stream: bool) -> None:
    exchange = await complete(saying(""), stream=stream)
    assert (text_of(exchange) if stream else message_of(exchange)["content"]) == ""


@pytest.mark.parametrize("stream", [False, True])
async def test_what_was_replaced_before_the_first_byte_is_not_there(stream: bool) -> None:
    exchange = await complete(saying("thinking", ReplaceResponse("HI"), "!"), stream=stream)
    assert (text_of(exchange) if stream else message_of(exchange)["content"]) == "HI!"
    assert b"restart" not in exchange.body
    assert b"thinking" not in exchange.body


async def test_what_was_replaced_later_starts_again_with_a_mark() -> None:
    items = ("one", ReplaceResponse("two"), " three", ReplaceResponse("two three four"))
    exchange = await complete(stepping(*items), stream=True)
    assert deltas(exchange) == [
        {"role": "assistant", "content": "one"},
        {"content": "\n\n---\n\ntwo three", "restart": True},
        {"content": " four"},
        {},
    ]
    assert message_of(await complete(stepping(*items)))["content"] == "two three four"


async def test_a_ticker_leaves_no_trace() -> None:
    bot = Bot("Echo")

    @bot.query
    async def answer(ctx: QueryContext) -> Answer:
        yield "Wait. "
        yield (status := ctx.status("Painting…", asyncio.sleep(0.01, "Done.")))
        yield status.result

    exchange = await complete(bot, stream=True)
    assert text_of(exchange) == "Wait. Done."
    assert b"restart" not in exchange.body


@pytest.mark.parametrize("stream", [False, True])
async def test_files_stand_at_the_end_as_markdown_and_in_a_member(stream: bool) -> None:
    bot = stepping("Look.", PLOT, ReplaceResponse("See ![it][x]."), INLINE, TABLE)
    exchange = await complete(bot, stream=stream)
    told: Any = deltas(exchange)[-1] if stream else message_of(exchange)
    shown = text_of(exchange).partition("---\n\n")[2] if stream else told["content"]
    assert shown == (
        "See ![it][x].\n\n![plot \\[1\\].png](https://example.com/plot.png)\n\n[a.csv](https://example.com/a%20b.csv)"
        "\n\n[x]: https://example.com/x.png"
    )
    assert told["files"] == [
        {"url": each.url, "name": each.name, "content_type": each.content_type} for each in (PLOT, INLINE, TABLE)
    ]


@pytest.mark.parametrize("stream", [False, True])
async def test_files_alone_are_an_answer_that_begins_with_the_first(stream: bool) -> None:
    exchange = await complete(saying(TABLE, PLOT), stream=stream)
    assert (text_of(exchange) if stream else message_of(exchange)["content"]) == (
        "[a.csv](https://example.com/a%20b.csv)\n\n![plot \\[1\\].png](https://example.com/plot.png)"
    )


async def test_the_address_of_a_reference_has_no_space() -> None:
    file = File(url="https://example.com/a b(1).png", name="x.png", content_type="image/png", inline_ref="x")
    assert message_of(await complete(saying(file, "![it][x]")))["content"] == (
        "![it][x]\n\n[x]: https://example.com/a%20b(1).png"
    )


@pytest.mark.parametrize("stream", [False, True])
async def test_suggested_replies_are_a_member_and_data_stays_here(stream: bool) -> None:
    bot = saying("x", SuggestedReply("Again"), Data("secret"), SuggestedReply("More"), meta=Meta(linkify=True))
    exchange = await complete(bot, stream=stream)
    told: Any = deltas(exchange)[-1] if stream else message_of(exchange)
    assert told["suggested_replies"] == ["Again", "More"]
    assert b"secret" not in exchange.body
    assert b"linkify" not in exchange.body


ERRORS = [
    (UserCausedError("no"), 400, "invalid_request_error", "user_caused_error"),
    (InsufficientFundError("no"), 402, "insufficient_credits", "insufficient_fund"),
    (PrivacyAuthorizationError("no"), 403, "moderation_error", "privacy_authorization_error"),
    (UserMessageTooLongError("no"), 413, "request_too_large", "user_message_too_long"),
    (AnswerError("no"), 500, "provider_error", None),
    (AnswerError("no", allow_retry=True), 503, "overloaded_error", None),
    (AnswerError("no", error_type="odd"), 500, "provider_error", "odd"),
]


@pytest.mark.parametrize("stream", [False, True])
async def test_a_question_that_is_not_let_in_is_429_with_the_limit(stream: bool) -> None:
    app = create_app(saying("fine"), access_key=KEY, openai=True, admission=Admission(rate_per_bot="1/day"))
    body = {"model": "Echo", "messages": USER, "stream": stream}
    assert (await Exchange().run(app, body, path=CHAT, headers=JSON)).status == 200
    exchange = await Exchange().run(app, body, path=CHAT, headers=JSON)
    assert exchange.status == 429
    assert exchange.json["error"]["type"] == "rate_limit_error"
    assert exchange.json["error"]["code"] == "rate_per_bot"
    assert exchange.headers["x-should-retry"] == "false"


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(("error", "status", "kind", "code"), ERRORS)
async def test_an_error_before_the_answer_has_its_status(
    error: AnswerError, status: int, kind: str, code: str | None, stream: bool
) -> None:
    exchange = await complete(saying("not", "heard", error), stream=stream)
    assert exchange.status == status
    assert exchange.json == {"error": {"message": "no", "type": kind, "param": None, "code": code}}
    assert exchange.headers["content-type"] == "application/json"
    assert exchange.headers["x-should-retry"] == ("true" if error.allow_retry else "false")
    assert int(exchange.headers["content-length"]) == len(exchange.body)


async def test_an_error_within_a_stream_is_a_chunk() -> None:
    exchange = await complete(stepping("one", ReplaceResponse("two"), UserCausedError("no")), stream=True)
    first, second, last = chunks(exchange)
    assert exchange.status == 200
    assert first["choices"][0]["delta"]["content"] == "one"
    assert second["choices"][0]["delta"]["restart"] is True
    assert last == {
        "error": {"message": "no", "type": "invalid_request_error", "param": None, "code": "user_caused_error"}
    }


@pytest.mark.parametrize("stream", [False, True])
async def test_a_bug_is_500_with_an_id_and_nothing_of_the_exception(
    stream: bool, caplog: pytest.LogCaptureFixture
) -> None:
    exchange = await complete(saying(ValueError("swordfish")), stream=stream)
    assert exchange.status == 500
    message = exchange.json["error"]["message"]
    assert message.startswith("Something went wrong in this bot (error ")
    assert message[-10:-2] in caplog.text
    assert b"swordfish" not in exchange.body


@pytest.mark.parametrize("stream", [False, True])
async def test_an_answer_of_nothing_is_an_error(stream: bool) -> None:
    exchange = await complete(saying(), stream=stream)
    assert (exchange.status, exchange.json["error"]["code"]) == (500, "content-required")


@pytest.mark.parametrize("stream", [False, True])
async def test_a_text_that_grows_too_long_ends_with_length(stream: bool) -> None:
    exchange = await complete(saying("x" * 8, "y" * 8, limits=Limits(characters=10)), stream=stream)
    assert (text_of(exchange) if stream else message_of(exchange)["content"]) == "xxxxxxxxyy"
    ended = chunks(exchange)[-1] if stream else exchange.json
    assert ended["choices"][0]["finish_reason"] == "length"


async def test_too_many_files_end_the_answer() -> None:
    exchange = await complete(saying("x", PLOT, PLOT, limits=Limits(files=1)))
    assert (exchange.status, exchange.json["error"]["code"]) == (500, "file-limit")


async def forever(ctx: QueryContext) -> Answer:
    yield "" if ctx.text == "silent" else "one"
    await asyncio.get_running_loop().create_future()


@pytest.mark.parametrize("stream", [False, True])
async def test_the_time_of_an_answer_is_limited(stream: bool) -> None:
    bot = Bot("Echo", limits=Limits(total_seconds=10, ping_seconds=0))
    bot.query(forever)
    clock = ManualClock()
    exchange = Exchange(clock)
    task = asyncio.create_task(complete(bot, exchange=exchange, stream=stream))
    await settle()
    assert exchange.status == (200 if stream else 0)
    await clock.advance(10)
    await task
    error = chunks(exchange)[-1]["error"] if stream else exchange.json["error"]
    assert error["code"] == "time-limit"
    assert error["type"] == "timeout_error"
    assert exchange.status == (200 if stream else 408)


async def test_a_silent_stream_is_kept_alive_and_a_whole_answer_waits() -> None:
    bot = Bot("Echo", limits=Limits(total_seconds=100))
    bot.query(forever)
    silent = [{"role": "user", "content": "silent"}]
    clock = ManualClock()
    streamed, whole = Exchange(clock), Exchange(clock)
    tasks = [
        asyncio.create_task(complete(bot, exchange=streamed, stream=True, messages=silent)),
        asyncio.create_task(complete(bot, exchange=whole, messages=silent)),
    ]
    await settle()
    await clock.advance(20)
    assert streamed.body == b": ping\r\n\r\n"
    assert whole.body == b""
    await clock.advance(80)
    await asyncio.gather(*tasks)
    assert streamed.status == 200
    assert b'"code": "time-limit"' in streamed.body
    assert streamed.body.endswith(b"data: [DONE]\n\n")
    assert whole.status == 408


@pytest.mark.parametrize("stream", [False, True])
async def test_a_client_that_leaves_closes_the_handler(stream: bool) -> None:
    bot, closed = Bot("Echo"), []

    @bot.query
    async def answer(ctx: QueryContext) -> Answer:
        try:
            yield "one"
            await asyncio.get_running_loop().create_future()
        finally:
            closed.append(ctx.text)

    exchange = Exchange()
    task = asyncio.create_task(complete(bot, exchange=exchange, stream=stream))
    await settle()
    exchange.disconnect()
    await task
    assert closed == ["hi"]


@pytest.mark.parametrize("kind", [CompletionWire, ChunkWire])
async def test_the_end_is_taken_once(kind: type[CompletionWire]) -> None:
    completion = Completion(id="1", model="Echo", query=QueryRequest(()), stream=True, include_usage=False)
    wire = kind(completion)
    wire.text("text", "hi")
    wire.done()
    assert b'"hi"' in wire.take()
    assert wire.take() == b""


async def test_middleware_gets_a_response_though_the_client_left_before_it_began() -> None:
    async def passed_on(request: Request, call_next: RequestResponseEndpoint) -> Response:
        return await call_next(request)

    bot = Bot("Echo")
    bot.query(forever)
    app = create_app(bot, openai=True, access_key=KEY)
    app.add_middleware(BaseHTTPMiddleware, dispatch=passed_on)
    exchange = Exchange()
    task = asyncio.create_task(post(app, {"model": "Echo", "messages": USER}, exchange=exchange))
    await settle()
    exchange.disconnect()
    await task
    assert (exchange.status, exchange.body) == (499, b"")


async def test_a_slow_reader_holds_the_handler_back() -> None:
    bot, said = Bot("Echo"), []

    @bot.query
    async def answer(ctx: QueryContext) -> Answer:
        for number in range(10_000):
            yield "x"
            said.append(number)

    exchange = Exchange()
    exchange.room.clear()
    task = asyncio.create_task(complete(bot, exchange=exchange, stream=True))
    await settle()
    assert len(said) < 1_000
    exchange.room.set()
    await task
    assert text_of(exchange) == "x" * 10_000
