"""`FakePoe` as the bots that others call: what can be scripted, and what is written down."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from poe_asgi import Bot, Data, File, ReplaceResponse, SuggestedReply, Text, assistant, user
from poe_asgi._clock import passed_in
from poe_asgi.client import NO_RETRY, HttpRequest, PoeClient, Timeouts
from poe_asgi.errors import (
    BotError,
    ConfigurationError,
    ConnectionFailedError,
    InvalidCallError,
    InvalidResponseError,
    TruncatedStreamError,
    UnknownBotError,
    UpstreamError,
)
from poe_asgi.local import (
    Call,
    Cut,
    FakePoe,
    HttpAnswer,
    Pause,
    Repeat,
    Script,
    Thought,
    ToolCall,
    fingerprint,
    http_error,
)
from poe_asgi.protocol import PING, Done, ErrorEvent, Json, Meta, Unknown
from tests.local.support import KEY, client, post
from tests.support import ManualClock, query, settle

pytestmark = pytest.mark.asyncio


async def ask(answer: Any, text: str = "hi", **options: Any) -> Any:
    poe = FakePoe()
    poe.bot("Claude", answer)
    return await client(poe, **options).ask("Claude", text)


# ---- what a bot can be scripted with


async def test_a_bot_says_the_text_it_is_scripted_with_in_a_clean_answer() -> None:
    reply = await ask("Hello.")
    assert reply.text == "Hello."
    assert reply.events == (Meta(), Text("Hello."), Done())
    assert reply.violations == ()


async def test_a_bot_that_is_not_scripted_says_so_and_repeats_the_message() -> None:
    text = str(await client(FakePoe()).ask("Claude", "hi there"))
    assert "Claude" in text
    assert "hi there" in text


async def test_names_are_alike_in_any_case() -> None:
    poe = FakePoe()
    poe.bot("Claude", "yes")
    assert str(await client(poe).ask("cLAUDE", "hi")) == "yes"
    assert poe.calls[0].bot == "Claude"


async def test_a_list_of_answers_is_used_one_after_the_other_and_the_last_stays() -> None:
    poe = FakePoe()
    poe.bot("Claude", ["one", http_error(429), lambda call: f"call {call.number}"])
    assert str(await client(poe).ask("Claude", "hi")) == "one"
    with pytest.raises(UpstreamError):
        await client(poe).ask("Claude", "hi")
    assert [str(await client(poe).ask("Claude", "hi")) for _ in range(2)] == ["call 3", "call 4"]


async def test_scripting_a_bot_anew_replaces_what_it_said() -> None:
    poe = FakePoe()
    poe.bot("Claude", ["one", "two"])
    poe.bot("claude", "three")
    assert str(await client(poe).ask("Claude", "hi")) == "three"


async def plain(call: Call) -> str:
    return call.text.upper()


async def stepwise(call: Call) -> AsyncIterator[Any]:
    yield call.text.upper()[:1]
    yield Text(call.text.upper()[1:])


def at_once(call: Call) -> Iterator[Any]:
    yield from call.text.upper()


@pytest.mark.parametrize(
    "function",
    [plain, stepwise, at_once, lambda call: call.text.upper(), lambda call: Script(call.text.upper())],
    ids=["async", "async generator", "generator", "plain", "gives a script"],
)
async def test_a_function_of_the_call_can_answer_in_every_form(function: Any) -> None:
    assert str(await ask(function)) == "HI"


async def test_a_function_can_give_any_async_iterable() -> None:
    class Steps:
        def __init__(self) -> None:
            self.left = ["a", "b"]

        def __aiter__(self) -> Steps:
            return self

        async def __anext__(self) -> str:
            if not self.left:
                raise StopAsyncIteration
            return self.left.pop(0)

    assert str(await ask(lambda _: Steps())) == "ab"


async def test_a_function_can_refuse() -> None:
    with pytest.raises(InvalidCallError):
        await ask(lambda _: http_error(400))


async def test_every_event_of_the_protocol_can_be_a_step() -> None:
    events = (
        Text("one"),
        ReplaceResponse("two"),
        File(url="u", name="n", content_type="c", inline_ref="r"),
        File(url="u", name="n", content_type="c"),
        SuggestedReply("more"),
        Data("kept"),
        Json({"a": 1}),
        Unknown("news", {"b": 2}),
        Meta(content_type="text/plain", linkify=True),
    )
    reply = await ask(Script(*events))
    assert reply.events == (Meta(), *events, Done())


async def test_an_error_event_is_one_answer_too() -> None:
    with pytest.raises(BotError, match=r"No\.") as caught:
        await ask(Script("I will s", ErrorEvent(text="No.", allow_retry=False, error_type="user_caused_error")))
    assert (caught.value.allow_retry, caught.value.error_type) == (False, "user_caused_error")


async def test_meta_can_be_left_out_or_late() -> None:
    assert (await ask(Script("x", meta=None))).events == (Text("x"), Done())
    late = await ask(Script("x", Meta(), meta=None))
    assert late.events == (Text("x"), Meta(), Done())
    assert "meta-first" in {violation.rule.id for violation in late.violations}


async def test_nothing_keeps_an_answer_from_going_on_after_done() -> None:
    poe = FakePoe()
    poe.bot("Claude", Script("a", Done(), "b"))
    came = await post(poe, "/bot/Claude", query())
    kinds = [line for line in came.body.split(b"\r\n") if line.startswith(b"event")]
    assert kinds == [b"event: meta", b"event: text", b"event: done", b"event: text", b"event: done"]


async def test_a_pause_lasts_as_long_as_the_clock_that_was_passed_in_says() -> None:
    clock = ManualClock()
    passed_in.set(clock)
    task = asyncio.create_task(ask(Script("one ", Pause(20), "two")))
    await clock.advance(19)
    assert not task.done()
    await clock.advance(1)
    reply = await task
    assert (str(reply), reply.seconds) == ("one two", 20)


async def test_a_bot_that_stays_silent_runs_into_the_callers_timeout_and_is_told() -> None:
    clock = ManualClock()
    passed_in.set(clock)
    ended = False

    async def silent(call: Call) -> AsyncIterator[Any]:
        nonlocal ended
        try:
            yield Pause(1000)
        finally:
            ended = True

    poe = FakePoe()
    poe.bot("Claude", silent)
    task = asyncio.create_task(client(poe, timeouts=Timeouts(idle=30)).ask("Claude", "hi"))
    await clock.advance(30)
    with pytest.raises(UpstreamError):
        await task
    assert ended
    assert clock.armed == 0


async def test_pings_as_comments_or_as_events_do_not_show_in_the_answer() -> None:
    reply = await ask(Script("a", PING, Unknown("ping", {}), "b"))
    assert str(reply) == "ab"


@pytest.mark.parametrize("size", [1, 7])
async def test_an_answer_in_crumbs_is_the_same_answer(size: int) -> None:
    poe = FakePoe()
    poe.bot("Claude", Script("Grüße", SuggestedReply("more"), chunk_bytes=size))
    assert (await client(poe).ask("Claude", "hi")).suggested_replies == ("more",)
    raw = await post(poe, "/bot/Claude", query())
    assert raw.body.endswith(b"event: done\r\ndata: {}\r\n\r\n")


async def test_a_stream_can_end_in_good_order_without_done() -> None:
    with pytest.raises(TruncatedStreamError):
        await ask(Script("half", done=False))


@pytest.mark.parametrize("during", [None, "a text that breaks off"])
async def test_the_connection_can_break_between_events_and_within_one(during: str | None) -> None:
    poe = FakePoe()
    poe.bot("Claude", Script("one ", "two ", Cut(during), "three"))
    stream = client(poe).stream("Claude", "hi")
    with pytest.raises(UpstreamError) as caught:
        await stream.read()
    assert isinstance(caught.value, TruncatedStreamError | ConnectionFailedError)
    assert stream.reply.text == "one two "


async def test_a_cut_within_an_event_leaves_half_of_it_on_the_wire() -> None:
    poe = FakePoe()
    poe.bot("Claude", Script(Cut("a text that breaks off"), meta=None))
    headers = {"authorization": f"Bearer {KEY}"}
    content = json.dumps(query()).encode()
    response = await poe.transport().send(
        HttpRequest(method="POST", url="http://poe.test/bot/Claude", headers=headers, content=content)
    )
    chunks = response.chunks()
    sent = await anext(chunks)
    with pytest.raises(ConnectionFailedError):
        await anext(chunks)
    await response.aclose()
    assert sent.startswith(b"event: text\r\ndata: {")
    assert not sent.endswith(b"\n\r\n")


async def test_garbage_goes_out_as_it_is() -> None:
    reply = await ask(Script(b"nonsense\n\nevent: text\ndata: [1]\n\n", "fine"))
    assert str(reply) == "fine"
    assert "data-json" in {violation.rule.id for violation in reply.violations}


async def test_an_answer_that_is_no_event_stream_goes_out_as_it_is() -> None:
    with pytest.raises(InvalidResponseError, match="text/html"):
        await ask(HttpAnswer(body=b"<html>", content_type="text/html"))


async def test_an_endless_answer_goes_on_until_its_reader_leaves() -> None:
    poe = FakePoe()
    poe.bot("Claude", Repeat("x"))
    count = 0
    async with client(poe).stream("Claude", "hi") as stream:
        async for _ in stream:
            count += 1
            if count == 500:
                break
    await settle()
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_an_endless_answer_is_bounded_all_the_same() -> None:
    reply = await ask(Script(Repeat(Repeat("x", times=3), times=4), "y"))
    assert str(reply) == "x" * 12 + "y"


async def test_a_tool_call_comes_in_fragments_as_of_openai() -> None:
    first = ToolCall("weather", {"city": "Paris"}, id="call_1", extra={"extra_content": {"signature": "s"}})
    reply = await ask(Script("Let me see.", first, ToolCall("now", "not json", id="call_2", pieces=1)))
    chunks = [event.data["choices"][0] for event in reply.events if isinstance(event, Json)]
    assert [chunk["finish_reason"] for chunk in chunks] == [None] * 6 + ["tool_calls"]
    fragments = [chunk["delta"]["tool_calls"][0] for chunk in chunks[:-1]]
    assert fragments[0] == {
        "index": 0,
        "id": "call_1",
        "type": "function",
        "function": {"name": "weather", "arguments": ""},
        "extra_content": {"signature": "s"},
    }
    arguments = ["".join(f["function"]["arguments"] for f in fragments if f["index"] == index) for index in (0, 1)]
    assert arguments == ['{"city": "Paris"}', "not json"]
    assert all(set(fragment) == {"index", "function"} for fragment in fragments[1:4])


async def test_thoughts_are_no_part_of_what_a_bot_says() -> None:
    assert (await ask(Script(Thought("hm"), "x"))).events == (Meta(), Text("x"), Done())


@pytest.mark.parametrize("wrong", [None, 1, [], {"text": "x"}, lambda: "x", lambda _, __: "x", Script, [[]]])
async def test_what_cannot_be_played_is_refused_when_it_is_scripted(wrong: Any) -> None:
    with pytest.raises(ConfigurationError):
        FakePoe().bot("Claude", wrong)


@pytest.mark.parametrize("step", [None, ["x"], object()])
async def test_a_wrong_step_is_refused_when_the_script_is_written(step: Any) -> None:
    with pytest.raises(ConfigurationError, match="A step"):
        Script("x", step)


@pytest.mark.parametrize("wrong", [lambda _: None, lambda _: iter([None]), lambda _: {}])
async def test_a_function_that_gives_no_answer_is_named_as_the_cause(wrong: Any) -> None:
    with pytest.raises(UpstreamError) as caught:
        await ask(wrong)
    error: BaseException | None = caught.value
    while error is not None and not isinstance(error, ConfigurationError):
        error = error.__cause__
    assert error is not None


# ---- what is written down


async def test_a_call_is_written_down_with_its_query_and_without_its_key() -> None:
    poe = FakePoe()
    await client(poe).ask("Claude", [user("a"), assistant("b"), user("c")], temperature=0.5)
    (call,) = poe.calls
    assert (call.bot, call.surface, call.number, call.text) == ("Claude", "bot", 1, "c")
    assert [message.role for message in call.request.query] == ["user", "bot", "user"]
    assert call.request.temperature == 0.5
    assert call.body["query"][0]["content"] == "a"
    assert call.headers["content-type"] == "application/json"
    assert (call.key, call.key_accepted) == (fingerprint(KEY), True)
    assert fingerprint(KEY) != fingerprint("another")
    assert KEY not in repr((call, call.body, call.headers))


async def test_keys_in_a_body_are_not_kept_either() -> None:
    poe = FakePoe()
    await post(poe, "/bot/Claude", query(access_key=KEY, api_key=KEY))
    assert poe.calls[0].body["access_key"] == fingerprint(KEY)
    assert KEY not in repr((poe.calls[0].body, poe.calls))


async def test_a_poe_tells_what_it_is() -> None:
    poe = FakePoe()
    poe.bot("Claude", "x")
    await client(poe).ask("GPT", "hi")
    assert repr(poe) == "<FakePoe: 1 scripted bots, 1 calls>"


# ---- who may call what


@pytest.mark.parametrize("key", [None, "", "Bearer ", "Bearer", KEY, "Basic x"])
async def test_a_call_needs_a_key_in_its_place(key: str | None) -> None:
    poe = FakePoe()
    came = await post(poe, "/bot/Claude", query(), key=key)
    assert (came.status, came.error["type"], came.error["code"]) == (401, "authentication_error", 401)
    assert [call.key_accepted for call in poe.calls] == [False]


async def test_with_keys_given_only_those_are_good_and_those_of_the_bots() -> None:
    poe = FakePoe(keys={"good"})
    bot = Bot("Mine", access_key="m" * 32)

    @bot.query
    async def handler(ctx: Any) -> Any:
        yield "x"

    poe.bot("Mine", bot)
    for key, status in (("good", 200), ("m" * 32, 200), ("bad", 401)):
        assert (await post(poe, "/bot/Claude", query(), key=f"Bearer {key}")).status == status


async def test_a_caller_that_fails_before_its_query_is_sent_has_not_called() -> None:
    async def parts() -> AsyncIterator[bytes]:
        yield b"{"
        raise OSError("the disk is gone")

    poe = FakePoe()
    with pytest.raises(OSError, match="the disk is gone"):
        await poe.transport().send(HttpRequest(method="POST", url="http://poe.test/bot/Claude", content=parts()))
    assert poe.calls == []


async def test_only_scripted_bots_exist_if_one_wants() -> None:
    poe = FakePoe(only_scripted=True)
    poe.bot("Claude", "x")
    assert str(await client(poe).ask("Claude", "hi")) == "x"
    with pytest.raises(UnknownBotError):
        await client(poe).ask("Cluade", "hi")


@pytest.mark.parametrize("body", [b"{", b"[]", {"type": "settings"}, {"type": "query", "query": []}, {"type": "new"}])
async def test_what_is_no_query_is_a_bad_request(body: Any) -> None:
    poe = FakePoe()
    assert (await post(poe, "/bot/Claude", body)).status == 400
    assert poe.calls == []


@pytest.mark.parametrize("path", ["/", "/bot", "/bot/a/b", "/v1/videos", "/bot/cost/x/refund", "/v2/models"])
async def test_what_is_not_there_is_404_in_the_words_of_poe(path: str) -> None:
    came = await post(FakePoe(), path, {})
    assert (came.status, came.error["type"], came.error["code"]) == (404, "not_found_error", 404)


# ---- how it is reached


async def test_inside_installed_every_client_reaches_it_and_afterwards_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POE_API_KEY", KEY)
    monkeypatch.setenv("POE_BASE_URL", "http://127.0.0.1:9")
    poe = FakePoe()
    poe.bot("Claude", "here")
    with poe.installed() as same:
        assert same is poe
        assert str(await PoeClient().ask("Claude", "hi")) == "here"
        async with PoeClient() as own:
            assert str(await own.ask("Claude", "hi")) == "here"
        inner = FakePoe()
        with inner.installed():
            await PoeClient().ask("Claude", "hi")
        assert (len(inner.calls), len(poe.calls)) == (1, 2)
    async with PoeClient(retry=NO_RETRY) as outside:
        with pytest.raises(ConnectionFailedError):
            await outside.ask("Claude", "hi")
    assert len(poe.calls) == 2
