"""Streams of models: what comes out of what a server sends, what is the result, and that nothing is left behind."""

from __future__ import annotations

import asyncio
import gc
import logging
from collections.abc import Callable, Sequence
from contextlib import aclosing
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st

from poe_asgi import Answer, Bot, File, QueryContext, Text
from poe_asgi.chat import ChatDelta, ChatResult, ChatStream, PoeChatModel
from poe_asgi.client import Timeouts
from poe_asgi.errors import (
    ConfigurationError,
    ForbiddenError,
    InvalidKeyError,
    InvalidResponseError,
    OverloadedError,
    RateLimitedError,
    TruncatedStreamError,
    UpstreamError,
)
from poe_asgi.local import Cut, FakePoe, Script, Thought, ToolCall
from poe_asgi.testing import PoeTester
from tests.chat.support import DONE, Answers, call, chunk, data, for_ever, merged, model, refusal, stream, whole
from tests.support import settle

pytestmark = pytest.mark.asyncio


def scripted(*steps: Any, **script: Any) -> PoeChatModel:
    """A model that gives this one answer."""
    poe = FakePoe()
    poe.bot("m", Script(*steps, **script))
    return model(poe, model="m")


async def read(answer: ChatStream) -> tuple[list[ChatDelta], ChatResult]:
    async with answer:
        deltas = [delta async for delta in answer]
    return deltas, answer.result


async def collect(answer: ChatStream, into: list[ChatDelta]) -> None:
    async for delta in answer:
        into.append(delta)  # noqa: PERF401 - what came before an error counts


# ---- what comes


async def test_text_thoughts_and_json_come_as_they_are_said() -> None:
    room: list[asyncio.Event] = [asyncio.Event() for _ in range(3)]
    app = Answers(
        stream(
            chunk(role="assistant", content=""),
            chunk(reasoning="Hm."),
            room[0].wait,
            chunk(content="Hel"),
            room[1].wait,
            chunk(content="lo", finish="stop"),
            room[2].wait,
            data({"model": "m", "choices": [], "usage": {"prompt_tokens": 7, "completion_tokens": 3}}),
            DONE,
        )
    )
    answer = aiter(model(app).stream("hi"))
    assert await anext(answer) == ChatDelta(thoughts="Hm.", json={"model": "m"})
    room[0].set()
    assert await anext(answer) == ChatDelta("Hel")
    room[1].set()
    assert await anext(answer) == ChatDelta("lo")
    room[2].set()
    usage = {"input_tokens": 7, "output_tokens": 3, "is_estimate": False}
    assert await anext(answer) == ChatDelta(json={"usage": usage})
    assert await anext(answer, None) is None


async def test_what_goes_out_asks_for_a_stream_and_for_its_usage() -> None:
    app = Answers(stream(chunk(content="a", finish="stop"), DONE))
    await model(app, model="gpt").stream("hi").read()
    assert app.bodies == [
        {
            "model": "gpt",
            "messages": [{"role": "user", "content": "hi"}],
            "stream": True,
            "stream_options": {"include_usage": True},
        }
    ]
    assert app.requests[0]["headers"]["accept"] == "text/event-stream"


async def test_stream_options_of_the_caller_win() -> None:
    app = Answers(stream(chunk(content="a", finish="stop"), DONE))
    await model(app).stream("hi", stream_options={"include_usage": False, "other": 1}).read()
    assert app.bodies[0]["stream_options"] == {"include_usage": False, "other": 1}


async def test_stream_options_that_are_none_are_a_mistake() -> None:
    with pytest.raises(ConfigurationError, match="stream_options"):
        await model(Answers()).stream("hi", stream_options="include_usage").read()


async def test_a_text_is_never_none() -> None:
    app = Answers(stream(chunk(content=None), chunk(content="a"), chunk(content=None, finish="stop"), DONE))
    deltas, result = await read(model(app).stream("hi"))
    assert [(delta.text, delta.thoughts) for delta in deltas] == [("a", ""), ("", "")]
    assert result.text == "a"


async def test_nothing_is_sent_before_it_is_iterated() -> None:
    app = Answers(stream(chunk(content="a"), DONE))
    answer = model(app).stream("hi")
    await settle()
    assert app.requests == []
    assert answer.result == ChatResult(complete=False)


async def test_it_is_iterated_once() -> None:
    app = Answers(stream(chunk(content="a", finish="stop"), DONE))
    answer = model(app).stream("hi")
    assert [delta.text async for delta in answer if delta.text] == ["a"]
    assert [delta async for delta in answer] == []
    assert (len(app.requests), answer.result.text) == (1, "a")


async def test_invoke_with_streaming_is_the_stream_already_begun() -> None:
    app = Answers(stream(chunk(content="a"), chunk(content="b", finish="stop"), DONE))
    answer = await model(app).invoke("hi", streaming=True)
    assert len(app.requests) == 1
    assert [delta.text async for delta in answer if delta.text] == ["a", "b"]
    assert (len(app.requests), app.running, answer.result.text) == (1, 0, "ab")


async def test_invoke_with_streaming_raises_what_went_wrong_before_the_first_word() -> None:
    with pytest.raises(InvalidKeyError):
        await model(Answers(refusal(401, {"error": {"message": "no"}}))).invoke("hi", streaming=True)


async def test_an_answer_of_nothing_at_all_can_be_begun_too() -> None:
    answer = await model(Answers(stream(chunk(finish="stop"), DONE))).invoke("hi", streaming=True)
    assert "".join([delta.text async for delta in answer]) == ""
    assert (answer.result.finish_reason, answer.result.complete) == ("stop", True)


async def test_the_result_is_right_in_the_middle_and_after_a_break() -> None:
    answer = scripted(Thought("Hm."), "Hel", "lo").stream("hi")
    seen = []
    async with answer:
        async for delta in answer:
            seen.append((delta.thoughts, delta.text, answer.result.thoughts, answer.result.text))
            if delta.text:
                break
    assert seen == [("Hm.", "", "Hm.", ""), ("", "Hel", "Hm.", "Hel")]
    assert (answer.result.text, answer.result.model, answer.result.complete) == ("Hel", "m", False)
    assert answer.result.finish_reason is None


# ---- the same as in one piece

TEXTS = st.text(st.sampled_from("ab \n!\u00e9\U0001f600"), min_size=1, max_size=5)
STEPS = st.lists(
    TEXTS
    | TEXTS.map(Thought)
    | st.just(File(url="https://pfst.cf2.poecdn.net/base/image/1", name="n.png", content_type="image/png"))
    | st.builds(
        ToolCall,
        st.sampled_from(["f", "g"]),
        st.just({"a": 1}) | st.just("") | st.just("[broken"),
        id=st.sampled_from(["c1", "c2", "c3"]),
        pieces=st.integers(1, 3),
        extra=st.just({}) | st.just({"extra_content": {"google": {"thought_signature": "s"}}}),
    ),
    max_size=6,
)
USAGES = st.none() | st.just({"prompt_tokens_details": {"cached_tokens": 2}}) | st.just({"completion_tokens": 0})


@given(STEPS, USAGES, st.none() | st.just("length"), st.none() | st.integers(1, 40))
@settings(max_examples=150, deadline=None)
async def test_the_result_of_a_stream_is_that_of_invoke_and_the_deltas_add_up_to_it(
    steps: Sequence[Any], usage: Any, reason: str | None, chunk_bytes: int | None
) -> None:
    calls = [step.id for step in steps if isinstance(step, ToolCall)]
    if len(set(calls)) < len(calls):
        return
    asked = scripted(*steps, usage=usage, finish_reason=reason, chunk_bytes=chunk_bytes)
    in_one_piece = await asked.invoke("hi")
    deltas, result = await read(asked.stream("hi"))
    assert result == in_one_piece
    assert result.messages == in_one_piece.messages
    agrees(deltas, result)


@given(st.lists(STEPS, min_size=2, max_size=3))
@settings(max_examples=80, deadline=None)
async def test_it_is_so_over_several_rounds_of_tools_too(rounds: list[Sequence[Any]]) -> None:
    def f(a: int = 0) -> str:
        return f"got {a}"

    async def g(a: int) -> str:
        raise ValueError(a)

    def asked() -> PoeChatModel:
        answers = [
            Script(*(step for i, step in enumerate(steps) if not isinstance(step, ToolCall) or i == 0))
            for steps in rounds
        ]
        poe = FakePoe()
        poe.bot("m", [*answers, Script("The end.")])
        return model(poe, model="m")

    in_one_piece = await asked().invoke("hi", tools=[f, g])
    deltas, result = await read(asked().stream("hi", tools=[f, g]))
    assert result == in_one_piece
    assert result.messages == in_one_piece.messages
    agrees(deltas, result)


def agrees(deltas: list[ChatDelta], result: ChatResult) -> None:
    text, thoughts, json = merged(deltas)
    assert (text, thoughts) == (result.text, result.thoughts)
    told = result.to_dict()
    assert json == {name: told[name] for name in ("model", "usage", "tool_calls", "tool_rounds") if name in told}


@pytest.mark.parametrize(
    "chunks",
    [
        pytest.param([chunk(content="a", finish="stop"), DONE], id="no usage"),
        pytest.param(
            [
                chunk(more={"usage": {"prompt_tokens": 7, "completion_tokens": 0}}, content=""),
                chunk(content="a", finish="stop"),
                DONE,
            ],
            id="usage that only later turns out to be wrong",
        ),
        pytest.param([data({"choices": [{"delta": {"content": "a"}, "finish_reason": "stop"}]}), DONE], id="no model"),
        pytest.param([chunk(content="a")], id="no end"),
    ],
)
async def test_the_json_of_the_deltas_agrees_with_the_result_whatever_is_missing(chunks: list[bytes]) -> None:
    deltas, result = await read(model(Answers(stream(*chunks))).stream("hi"))
    agrees(deltas, result)
    assert result.usage.is_estimate


# ---- ends


async def test_a_missing_end_mark_is_flagged_and_logged(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, "poe_asgi.chat"):
        cut = await scripted("Hello", done=False).stream("hi").read()
        ended = await scripted("Hello").stream("hi").read()
    assert (cut.text, cut.finish_reason, cut.complete) == ("Hello", "stop", False)
    assert (ended.text, ended.finish_reason, ended.complete) == ("Hello", "stop", True)
    assert [record.getMessage() for record in caplog.records] == [
        "Asking m: the stream ended without its end mark; the answer may be cut"
    ]


async def test_an_answer_without_a_reason_why_it_finished_has_none() -> None:
    app = Answers(stream(chunk(content="a"), DONE))
    result = await model(app).stream("hi").read()
    assert (result.text, result.finish_reason, result.complete) == ("a", None, True)


@pytest.mark.parametrize("cut", [Cut(), Cut(during="and more")])
async def test_a_connection_that_breaks_is_raised_with_what_came_before_in_the_result(cut: Cut) -> None:
    answer = scripted("Hello", cut, "never").stream("hi")
    with pytest.raises(TruncatedStreamError, match="Asking m"):
        await answer.read()
    assert (answer.result.text, answer.result.complete, answer.result.finish_reason) == ("Hello", False, None)


async def test_a_connection_that_breaks_after_the_model_finished_is_but_a_missing_end_mark() -> None:
    async def breaks() -> None:
        raise ConnectionError

    async def app(scope: Any, receive: Any, send: Any) -> None:
        headers = [(b"content-type", b"text/event-stream")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        body = chunk(content="a", finish="stop")
        await send({"type": "http.response.body", "body": body, "more_body": True})
        await breaks()

    result = await model(app).stream("hi").read()
    assert (result.text, result.complete) == ("a", False)


@pytest.mark.parametrize("rest", [b"", b": ping\n\n", chunk(role="assistant", content=""), data({"choices": []})])
async def test_a_stream_that_ends_before_there_is_an_answer_is_cut_and_not_empty(rest: bytes) -> None:
    with pytest.raises(TruncatedStreamError, match="before there was an answer"):
        await model(Answers(stream(rest))).stream("hi").read()


async def test_what_comes_after_the_end_mark_is_no_matter() -> None:
    app = Answers(stream(chunk(content="a", finish="stop") + DONE + chunk(content="b") + b"data: {nonsense\n\n"))
    assert (await model(app).stream("hi").read()).text == "a"


async def test_a_last_event_without_its_blank_line_counts_where_it_is_whole() -> None:
    whole_one = await model(Answers(stream(chunk(content="a", finish="stop"), b"data: [DONE]"))).stream("hi").read()
    half = (
        await model(Answers(stream(chunk(content="a", finish="stop"), b'data: {"choices": [{"de'))).stream("hi").read()
    )
    assert (whole_one.complete, half.complete, half.text) == (True, False, "a")


async def test_cut_calls_of_tools_are_left_and_not_run() -> None:
    ran = []

    def f() -> None:
        ran.append(1)

    app = Answers(stream(chunk(content="Let me see."), chunk(tool_calls=[{"index": 0, **call("f", "")}])))
    result = await model(app).stream("hi", tools=[f]).read()
    assert (ran, [each.name for each in result.tool_calls], result.complete) == ([], ["f"], False)
    assert len(app.requests) == 1


# ---- errors inside

ERRORS = [
    ({"error": {"message": "slow", "type": "rate_limit_error", "code": 429}}, RateLimitedError),
    ({"error": {"message": "slow", "code": 429}}, RateLimitedError),
    ({"error": {"message": "bad", "code": 403}}, ForbiddenError),
    ({"error": {"message": "no", "type": "authentication_error"}}, InvalidKeyError),
    ({"error": {"message": "no", "type": "", "code": "invalid_api_key"}}, InvalidKeyError),
    ({"type": "error", "error": {"type": "overloaded_error", "message": "slow"}}, OverloadedError),
    ({"error": "it broke"}, OverloadedError),
    ({"error": {"message": "what?", "type": "unheard_of", "code": 1}}, OverloadedError),
    ({"error": {"message": None}}, OverloadedError),
    ({"choices": [], "error": {"message": "moderation", "type": "moderation_error"}}, ForbiddenError),
]


@pytest.mark.parametrize("together", [True, False])
@pytest.mark.parametrize(("body", "error"), ERRORS)
async def test_an_error_object_is_raised_after_what_came_before_it(
    body: Any, error: type[UpstreamError], together: bool
) -> None:
    chunks = [chunk(content="Hello"), data(body)]
    app = Answers(stream(*([b"".join(chunks)] if together else chunks)))
    answer = model(app, retry=None).stream("hi")
    seen: list[ChatDelta] = []
    with pytest.raises(error, match="Asking gpt-5-mini failed: ") as raised:
        await collect(answer, seen)
    assert type(raised.value) is error
    assert raised.value.body == data(body).decode().removeprefix("data: ").strip()
    assert ([each.text for each in seen], answer.result.text, answer.result.complete, len(app.requests)) == (
        ["Hello"],
        "Hello",
        False,
        1,
    )


@pytest.mark.parametrize(("said", "message"), [(b'{"message": "m", "x": 1}', "m"), (b"out of order", "out of order")])
async def test_an_event_of_type_error_is_one_whatever_it_holds(said: bytes, message: str) -> None:
    answer = model(Answers(stream(b"event: error\ndata: " + said + b"\n\n"))).stream("hi")
    with pytest.raises(OverloadedError, match=f"failed: {message}"):
        await answer.read()


async def test_a_null_error_is_none() -> None:
    assert (
        await model(Answers(stream(chunk(content="a", more={"error": None}), DONE))).stream("hi").read()
    ).text == "a"


@pytest.mark.parametrize("together", [True, False])
async def test_what_is_no_json_is_raised_with_what_came_before(together: bool) -> None:
    chunks = [chunk(content="Hello"), b"data: {nonsense\n\n"]
    answer = model(Answers(stream(*([b"".join(chunks)] if together else chunks)))).stream("hi")
    seen: list[ChatDelta] = []
    with pytest.raises(InvalidResponseError, match="not JSON") as raised:
        await collect(answer, seen)
    assert ([each.text for each in seen], answer.result.text, raised.value.body) == (["Hello"], "Hello", "{nonsense")


class Flood:
    """An app that sends megabytes until its client leaves."""

    def __init__(self, content_type: bytes, first: bytes = b"") -> None:
        self.sent = 0
        self._headers = [(b"content-type", content_type)]
        self._first = first

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:  # noqa: ARG002
        await receive()
        leaving = asyncio.create_task(receive())
        await send({"type": "http.response.start", "status": 200, "headers": self._headers})
        await send({"type": "http.response.body", "body": self._first, "more_body": True})
        while not leaving.done() and self.sent < 100:
            self.sent += 1
            await send({"type": "http.response.body", "body": b" " * 2**20, "more_body": True})
        leaving.cancel()


async def test_a_line_that_does_not_end_is_given_up_in_bounded_memory() -> None:
    app = Flood(b"text/event-stream", chunk(content="a") + b"data: ")
    answer = model(app).stream("hi")
    with pytest.raises(InvalidResponseError, match="longer than 16,777,216 bytes"):
        await answer.read()
    assert app.sent <= 20
    assert answer.result.text == "a"


# ---- another form than was asked for


async def test_a_server_that_answers_a_stream_in_one_piece_is_read_all_the_same() -> None:
    app = Answers(whole("Hello", reasoning="Hm"))
    answer = await model(app).stream("hi").read()
    assert answer == await model(app).invoke("hi")
    assert (answer.text, answer.thoughts, answer.complete) == ("Hello", "Hm", True)


async def test_in_one_piece_it_may_come_in_several() -> None:
    status, headers, (body,) = whole("Hello")
    assert isinstance(body, bytes)
    app = Answers((status, headers, [b"\xef\xbb\xbf" + body[:9], body[9:]]))
    assert (await model(app).stream("hi").read()).text == "Hello"
    assert (await model(app).invoke("hi")).text == "Hello"


async def test_an_event_stream_for_a_whole_answer_is_refused() -> None:
    with pytest.raises(InvalidResponseError):
        await model(Answers(stream(chunk(content="a"), DONE))).invoke("hi")


@pytest.mark.parametrize("streaming", [True, False])
@pytest.mark.parametrize(
    "body", [b"", b"null", b"[]", b"{}", b"<html>", b'{"choices": []}', b'{"choices": null}', b'{"choices": {"a": 1}}']
)
async def test_a_body_that_is_no_completion_is_refused(body: bytes, streaming: bool) -> None:
    asked = model(Answers((200, {"content-type": "application/json"}, [body])))
    with pytest.raises(InvalidResponseError) as raised:
        await (asked.stream("hi").read() if streaming else asked.invoke("hi"))
    assert (raised.value.status, raised.value.body) == (200, body.decode())


@pytest.mark.parametrize("streaming", [True, False])
async def test_a_body_above_the_bound_is_refused_and_not_read_to_its_end(streaming: bool) -> None:
    app = Flood(b"application/json")
    asked = model(app)
    with pytest.raises(InvalidResponseError, match="larger than 16,777,216 bytes"):
        await (asked.stream("hi").read() if streaming else asked.invoke("hi"))
    assert app.sent <= 20


# ---- nothing is left behind


async def endless() -> tuple[Answers, ChatStream]:
    """A stream that has said one word, and goes on waiting."""
    app = Answers(stream(chunk(content="a"), for_ever))
    return app, model(app).stream("hi")


async def tasks() -> int:
    await settle()
    return len(asyncio.all_tasks())


async def test_a_stream_that_is_left_is_closed_at_once() -> None:
    before = await tasks()
    app, answer = await endless()
    async with answer:
        async for delta in answer:
            assert delta.text == "a"
            break
    assert (app.running, app.disconnected) == (0, 1)
    assert await tasks() == before


async def test_a_stream_that_was_begun_and_never_iterated_is_closed_at_once() -> None:
    before = await tasks()
    app = Answers(stream(chunk(content="a"), for_ever))
    async with await model(app).invoke("hi", streaming=True):
        assert app.running == 1
    assert app.running == 0
    assert await tasks() == before
    answer = await model(app).invoke("hi", streaming=True)
    await answer.aclose()
    assert app.running == 0
    assert [delta async for delta in answer] == []


async def test_a_stream_that_is_dropped_is_closed_by_itself() -> None:
    before = await tasks()
    app, answer = await endless()
    async for _ in answer:
        break
    del answer
    gc.collect()
    assert await tasks() == before
    assert app.running == 0
    begun = await model(app).invoke("hi", streaming=True)
    assert app.running == 1
    del begun
    gc.collect()
    assert await tasks() == before
    assert app.running == 0


async def test_a_stream_that_is_cancelled_is_closed() -> None:
    before = await tasks()
    app, answer = await endless()
    reading = asyncio.create_task(answer.read())
    await settle()
    assert app.running == 1
    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading
    assert app.running == 0
    assert await tasks() == before
    assert answer.result.text == "a"


async def test_closing_what_was_not_begun_or_is_over_does_nothing() -> None:
    answer = model(Answers(stream(chunk(content="a", finish="stop"), DONE))).stream("hi")
    await answer.aclose()
    async with answer:
        assert (await answer.read()).text == "a"
    await answer.aclose()


async def test_a_reader_that_raises_leaves_nothing() -> None:
    app, answer = await endless()

    async def fail() -> None:
        async with answer:
            async for _ in answer:
                raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()
    assert app.running == 0


# ---- inside a bot

POE = PoeChatModel(api_key="k", model="m")


def serving(answer: Callable[[QueryContext], Any]) -> Bot:
    """A bot that yields this."""
    bot = Bot("Bot")

    @bot.query
    async def handler(ctx: QueryContext) -> Answer:
        yield answer(ctx)

    return bot


IMAGE = File(url="https://pfst.cf2.poecdn.net/base/image/1", name="a cat.png", content_type="image/png")


@pytest.mark.parametrize(
    ("thoughts", "shown"),
    [("hide", "Hello\nworld"), ("show", "Hm.\nSo.\n\nHello\nworld"), ("quote", "> Hm.\n> So.\n\nHello\nworld")],
)
async def test_a_bot_serves_the_answer_with_its_thoughts(poe_tester: PoeTester, thoughts: Any, shown: str) -> None:
    poe_tester.poe.bot("m", Script(Thought("Hm.\n"), Thought("So."), "Hello\n", "world"))
    bot = serving(lambda ctx: POE.stream(ctx.prompt()).answer(thoughts=thoughts))
    reply = await poe_tester(bot).ask("What is up?")
    assert (reply.text, reply.error) == (shown, None)
    (asked,) = poe_tester.poe.calls
    assert asked.body["messages"] == [{"role": "user", "content": "What is up?"}]


async def test_files_are_served_as_files(poe_tester: PoeTester) -> None:
    poe_tester.poe.bot("m", Script("Look:\n", IMAGE, "\n\nNice?", chunk_bytes=7))
    bot = serving(lambda ctx: POE.stream(ctx.prompt()).answer())
    reply = await poe_tester(bot).ask("A cat")
    assert [(file.url, file.name, file.content_type) for file in reply.files] == [
        (IMAGE.url, IMAGE.name, IMAGE.content_type)
    ]
    assert IMAGE.url not in reply.text
    assert reply.text.split() == ["Look:", "Nice?"]


@pytest.mark.parametrize("end", [(), (for_ever,)])
async def test_a_cut_answer_is_an_error_to_the_user(poe_tester: PoeTester, end: Any) -> None:
    asked = model(Answers(stream(chunk(content="Hel"), *end)), timeouts=Timeouts(idle=0.01))
    reply = await poe_tester(serving(lambda ctx: asked.stream(ctx.prompt()).answer())).ask("hi")
    assert reply.text == "Hel"
    assert reply.error is not None


async def test_an_error_of_poe_tells_the_user_nothing_of_its_text(poe_tester: PoeTester) -> None:
    poe_tester.poe.insufficient_funds()
    bot = serving(lambda ctx: POE.stream(ctx.prompt()).answer())
    reply = await poe_tester(bot).ask("hi")
    assert reply.error is not None
    assert "points" not in reply.error.text


async def events(answer: ChatStream, **form: Any) -> list[Any]:
    async with aclosing(answer.answer(**form)) as given_events:
        return [event async for event in given_events]


async def test_thoughts_after_text_stand_apart_from_it() -> None:
    asked = scripted("One.\n", Thought("Hm."), "Two.")
    assert "".join(event.text for event in await events(asked.stream("hi"), thoughts="quote")) == (
        "One.\n\n> Hm.\n\nTwo."
    )


async def test_a_line_that_may_still_become_a_file_comes_before_the_thoughts_after_it() -> None:
    asked = scripted("https://x.te", Thought("Hm."), "Two.")
    shown = "".join(event.text for event in await events(asked.stream("hi"), thoughts="show"))
    assert shown == "https://x.te\n\nHm.\n\nTwo."
    first, *_ = await events(scripted(IMAGE, Thought("Hm.")).stream("hi"), thoughts="quote")
    assert first == IMAGE


async def test_an_answer_with_a_reason_but_no_end_mark_is_served_as_it_is() -> None:
    assert await events(scripted("Hello", done=False).stream("hi")) == [Text("Hello")]


async def test_the_result_stands_after_the_answer_was_served() -> None:
    answer = scripted("Hello").stream("hi")
    await events(answer)
    assert (answer.result.text, answer.result.complete) == ("Hello", True)


async def test_another_form_of_thoughts_is_a_mistake_at_once() -> None:
    with pytest.raises(ConfigurationError, match="quote"):
        scripted("a").stream("hi").answer(thoughts="qoute")  # type: ignore[arg-type]


async def test_a_stream_that_is_yielded_itself_is_a_mistake_that_the_log_names(
    poe_tester: PoeTester, caplog: pytest.LogCaptureFixture
) -> None:
    poe_tester.poe.bot("m", "Hello")
    bot = serving(lambda ctx: POE.stream(ctx.prompt()))
    reply = await poe_tester(bot).ask("hi")
    assert reply.error is not None
    assert "ChatDelta was yielded" in caplog.text
