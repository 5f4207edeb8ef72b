"""Rounds of tool calls against a model played by hand, and their memory across turns."""

from __future__ import annotations

import asyncio
import json
import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from hypothesis import given, strategies as st
from pydantic import BaseModel

from poe_asgi import Answer, AnswerError, Bot, Data, Meta, QueryContext, Text, user
from poe_asgi.client import NO_RETRY, PoeClient, Tool, Upstream, upstream
from poe_asgi.client._toolbox import AT_ONCE
from poe_asgi.errors import BotError, ConfigurationError, ToolError
from poe_asgi.local import AsgiTransport
from poe_asgi.protocol import Done, Json, Message, ToolCall, ToolResult, ToolRound
from poe_asgi.protocol._tool_memory import insert_tool_rounds, stored_rounds, stored_value
from tests.support import ask, query, settle, started

pytestmark = pytest.mark.asyncio

Frame = tuple[str, dict[str, Any]]


def text(said: str) -> Frame:
    return "text", {"text": said}


def delta(**members: Any) -> Frame:
    return "json", {"choices": [{"index": 0, "delta": members, "finish_reason": None}]}


def calls(*names: str, arguments: str = "{}", **members: Any) -> Frame:
    """Whole calls with the ids ``1``, ``2``, …"""
    return delta(
        tool_calls=[
            {
                "index": i,
                "id": str(i + 1),
                "type": "function",
                "function": {"name": name, "arguments": arguments},
                **members,
            }
            for i, name in enumerate(names)
        ]
    )


class Model:
    """A bot on Poe that gives these answers, one after the other, and remembers what it was asked."""

    def __init__(self, *answers: list[Frame]) -> None:
        self.answers = list(answers)
        self.queries: list[dict[str, Any]] = []

    async def __call__(self, _: Any, receive: Any, send: Any) -> None:
        body = b""
        more = True
        while more:
            message = await receive()
            body += message["body"]
            more = message["more_body"]
        self.queries.append(json.loads(body))
        headers = [(b"content-type", b"text/event-stream")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        for event, data in [("meta", {}), *self.answers.pop(0), ("done", {})]:
            frame = f"event: {event}\ndata: {json.dumps(data)}\n\n".encode()
            await send({"type": "http.response.body", "body": frame, "more_body": True})
        await send({"type": "http.response.body", "body": b""})

    @property
    def client(self) -> PoeClient:
        return PoeClient(api_key="k", base_url="http://poe.test", transport=AsgiTransport(self), retry=NO_RETRY)

    @contextmanager
    def on_poe(self) -> Iterator[None]:
        """Make this the one bot there is, for the bots of the test."""
        token = upstream.set(Upstream("http://poe.test", AsgiTransport(self)))
        try:
            yield
        finally:
            upstream.reset(token)

    def results(self, number: int = 1) -> list[str]:
        """The contents of the results that came with the query of this number, counted from 0."""
        return [each["content"] for each in json.loads(self.queries[number]["query"][-1]["content"])]


async def run_with(*tools: Any, arguments: str = "{}", name: str = "tool") -> str:
    """What the model is told when it calls a tool this way."""
    model = Model([calls(name, arguments=arguments)], [text("done")])
    reply = await model.client.ask("M", "hi", tools=tools)
    assert reply.text == "done"
    [result] = model.results()
    return result


async def get_weather(city: str) -> dict[str, Any]:
    """Gives the weather."""
    return {"city": city, "degrees": 21}


WEATHER = Tool.of(get_weather).to_wire()
ASKED = [
    text("Let me see."),
    delta(
        tool_calls=[{"index": 0, "id": "1", "type": "function", "function": {"name": "get_weather", "arguments": ""}}]
    ),
    delta(tool_calls=[{"index": 0, "function": {"arguments": '{"city":'}}]),
    delta(tool_calls=[{"index": 0, "function": {"arguments": ' "Oslo"}'}}]),
    ("json", {"choices": [{"index": 0, "delta": {}, "finish_reason": "tool_calls"}]}),
]
CALL = ToolCall("get_weather", '{"city": "Oslo"}', id="1")
ROUND = ToolRound((CALL,), (CALL.answered('{"city": "Oslo", "degrees": 21}'),))


# ---- the rounds


async def test_calls_are_run_and_the_query_is_sent_again_with_their_results() -> None:
    model = Model(ASKED, [text("It is "), delta(content="21 degrees.")])
    stream = model.client.stream("M", "Oslo?", tools=[get_weather])
    events = [event async for event in stream]
    assert events == [Text("Let me see."), Text("\n\nIt is "), Text("21 degrees.")]
    first, second = model.queries
    assert (first["tools"], second["tools"]) == ([WEATHER], [WEATHER])
    assert not {"tool_calls", "tool_results"} & {*first, *second}
    question, called, result = second["query"]
    assert [question] == first["query"]
    assert (called["role"], called["message_type"], result["role"]) == ("bot", "function_call", "tool")
    assert json.loads(called["content"]) == [
        {"id": "1", "type": "function", "function": {"name": "get_weather", "arguments": '{"city": "Oslo"}'}}
    ]
    assert json.loads(result["content"]) == [
        {"role": "tool", "name": "get_weather", "tool_call_id": "1", "content": '{"city": "Oslo", "degrees": 21}'}
    ]
    assert stream.tool_rounds == stream.reply.tool_rounds == (ROUND,)
    assert stream.tool_calls == ()


async def test_the_reply_is_of_all_rounds() -> None:
    file = ("file", {"url": "u", "name": "n", "content_type": "c"})
    model = Model([*ASKED, file, ("suggested_reply", {"text": "a"}), ("data", {"metadata": "1"})], [text("21"), file])
    stream = model.client.stream("M", "hi", tools=[get_weather])
    shown = [event async for event in stream]
    reply = stream.reply
    assert reply.text == "".join(event.text for event in shown if isinstance(event, Text)) == "Let me see.\n\n21"
    assert (len(reply.files), reply.suggested_replies, reply.data) == (2, ("a",), "1")
    assert [type(event) for event in reply.events if isinstance(event, Meta | Done)] == [Meta, Done] * 2
    assert sum(isinstance(event, Json) for event in reply.events) == 4
    assert reply.meta is not None
    assert reply.first_event_seconds is not None
    assert reply.seconds >= reply.first_event_seconds


async def test_there_may_be_several_rounds_and_the_last_one_offers_no_tools(caplog: pytest.LogCaptureFixture) -> None:
    model = Model([calls("f")], [calls("f")], [text("Enough.")])
    numbers = iter(range(9))

    async def f() -> int:
        return next(numbers)

    reply = await model.client.ask("M", "hi", tools=[f], max_rounds=3)
    assert reply.text == "Enough."
    assert [bool(each.get("tools")) for each in model.queries] == [True, True, False]
    assert [len(each["query"]) for each in model.queries] == [1, 3, 5]
    assert [result.content for each in reply.tool_rounds for result in each.results] == ["0", "1"]
    assert not caplog.records


async def test_a_model_that_calls_what_is_not_offered_any_more_is_left_at_that(
    caplog: pytest.LogCaptureFixture,
) -> None:
    model = Model([calls("f")], [text("Well."), calls("f")])
    reply = await model.client.ask("M", "hi", tools=[Tool.of(lambda: 1, name="f")], max_rounds=2)
    assert (reply.text, reply.tool_calls) == ("Well.", (ToolCall("f", "{}", id="1"),))
    assert "after 2 rounds" in caplog.text


async def test_text_comes_through_before_the_tools_run() -> None:
    seen: list[str] = []
    reached = asyncio.Event()

    async def f() -> None:
        assert seen == ["One. ", "Two."]
        reached.set()

    model = Model([text("One. "), text("Two."), calls("f")], [text("Three.")])
    async for event in model.client.stream("M", "hi", tools=[f]):
        assert isinstance(event, Text)
        seen.append(event.text)
    assert reached.is_set()


async def test_what_a_later_round_replaces_is_what_it_said_itself() -> None:
    replaced = ("replace_response", {"text": "Thinking…"})
    model = Model(
        [text("x"), ("replace_response", {"text": "Let me see."}), calls("get_weather", arguments='{"city": "a"}')],
        [replaced, text("…"), ("replace_response", {"text": "21"}), text("°")],
    )
    bot = Bot()

    @bot.query
    async def handler(ctx: QueryContext) -> Answer:
        yield "Weather: "
        yield (stream := ctx.poe.stream("M", tools=[get_weather]))
        yield f" ({stream.reply.text!r})"

    with model.on_poe():
        exchange = await ask(bot)
    assert exchange.text == "Weather: Let me see.\n\n21° ('Let me see.\\n\\n21°')"


async def test_a_round_that_ends_its_text_with_a_line_needs_no_other_paragraph() -> None:
    model = Model([text("See:\n"), text(""), calls("f")], [text(""), text("1")], [])
    assert (await model.client.ask("M", "hi", tools=[Tool.of(lambda: 1, name="f")])).text == "See:\n1"


async def test_a_round_that_fails_leaves_the_reply_so_far() -> None:
    model = Model(ASKED, [text("It is"), ("error", {"text": "no", "allow_retry": False})])
    stream = model.client.stream("M", "hi", tools=[get_weather])
    with pytest.raises(BotError):
        await stream.read()
    assert (stream.reply.text, stream.tool_rounds) == ("Let me see.\n\nIt is", (ROUND,))
    assert stream.reply.error is not None


async def test_as_fields_all_calls_and_results_go_beside_the_conversation() -> None:
    model = Model([calls("f", "f")], [calls("f")], [text("x")])
    await model.client.ask("M", "hi", tools=[Tool.of(lambda: 1, name="f")], tool_form="fields")
    first, second, third = model.queries
    assert "tool_calls" not in first
    assert [len(each["query"]) for each in model.queries] == [1, 1, 1]
    assert (len(second["tool_calls"]), len(third["tool_calls"])) == (2, 3)
    called = {"id": "2", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    assert second["tool_calls"][1] == called
    assert second["tool_results"][1] == {"role": "tool", "name": "f", "tool_call_id": "2", "content": "1"}
    assert len(third["tool_results"]) == 3


async def test_tools_of_a_calling_bot_are_not_offered_to_the_bot_called() -> None:
    model = Model([text("x")])
    bot = Bot()

    @bot.query
    async def handler(ctx: QueryContext) -> Answer:
        yield ctx.poe.stream("M", tools=[get_weather])

    theirs: dict[str, Any] = {
        "tools": [{"type": "function"}],
        "tool_calls": [{"id": "1"}],
        "tool_results": [{"content": ""}],
    }
    with model.on_poe():
        await ask(bot, query(**theirs))
    [sent] = model.queries
    assert sent["tools"] == [WEATHER]
    assert not {"tool_calls", "tool_results"} & {*sent}


async def test_each_round_counts_as_a_call_of_the_bot(caplog: pytest.LogCaptureFixture) -> None:
    model = Model([calls("get_weather")], [text("x")])
    bot = Bot()
    declared = bot.uses("M", calls=1)

    @bot.query
    async def handler(ctx: QueryContext) -> Answer:
        yield ctx.poe.stream(declared, tools=[get_weather])

    with model.on_poe(), caplog.at_level(logging.WARNING):
        await ask(bot)
    assert "bot.uses('M', calls=2)" in caplog.text


# ---- running tools


async def test_calls_of_one_round_run_at_the_same_time_and_keep_their_order() -> None:
    both = asyncio.Barrier(2)
    threads = threading.Barrier(2)

    async def wait(x: int = 0) -> int:
        return await both.wait() and 0

    def block() -> str:
        threads.wait(10)
        return "blocked"

    model = Model([calls("wait", "block", "wait", "block")], [text("x")])
    await model.client.ask("M", "hi", tools=[wait, block])
    assert model.results() == ["0", "blocked", "0", "blocked"]
    ids = [each["tool_call_id"] for each in json.loads(model.queries[1]["query"][-1]["content"])]
    assert ids == ["1", "2", "3", "4"]


async def test_so_many_calls_run_at_the_same_time_and_not_more() -> None:
    running = most = 0

    async def f() -> None:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await settle(3)
        running -= 1

    model = Model([calls(*["f"] * (3 * AT_ONCE))], [text("x")])
    await model.client.ask("M", "hi", tools=[f])
    assert (most, len(model.results())) == (AT_ONCE, 3 * AT_ONCE)


async def test_when_the_user_leaves_the_tools_are_cancelled_with_the_handler() -> None:
    ended: list[str] = []

    async def forever() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
            ended.append("tool")

    bot = Bot()

    @bot.query
    async def handler(ctx: QueryContext) -> Answer:
        try:
            yield ctx.poe.stream("M", tools=[forever])
        finally:
            ended.append("handler")

    model = Model([text("Wait."), calls("forever", "forever")])
    before = asyncio.all_tasks()
    with model.on_poe():
        async with started(bot) as (exchange, task):
            assert exchange.text == "Wait."
            assert not ended
            exchange.disconnect()
            await task
    assert ended == ["tool", "tool", "handler"]
    await settle()
    assert asyncio.all_tasks() == before


async def test_an_answer_error_of_a_tool_ends_the_answer_and_the_other_calls() -> None:
    ended: list[str] = []

    async def forever() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append("forever")

    async def refuse() -> None:
        raise AnswerError("Not on Sundays.")

    bot = Bot()

    @bot.query
    async def handler(ctx: QueryContext) -> Answer:
        yield ctx.poe.stream("M", tools=[forever, refuse])

    model = Model([text("Let me see."), calls("forever", "refuse")])
    with model.on_poe():
        exchange = await ask(bot)
    assert exchange.reader.error is not None
    assert (exchange.text, exchange.reader.error.text) == ("Let me see.", "Not on Sundays.")
    assert ended == ["forever"]


async def test_a_tool_has_the_context_of_the_handler_and_its_client() -> None:
    model = Model([calls("f")], [text("inner")], [text("outer")])
    bot = Bot()

    @bot.query
    async def handler(ctx: QueryContext) -> Answer:
        async def f() -> str:
            return str(await ctx.poe.ask("Other", "hi"))

        yield ctx.poe.stream("M", tools=[f])

    with model.on_poe():
        exchange = await ask(bot)
    assert exchange.text == "outer"
    assert model.results(2) == ["inner"]


async def test_a_tool_that_does_not_exist_is_told_with_those_that_do() -> None:
    told = await run_with(get_weather, name="get_wether")
    assert told == "Error: there is no tool 'get_wether', only get_weather."


@pytest.mark.parametrize("arguments", ["", "{", "[]", '{"town": "Oslo"}'])
async def test_arguments_that_do_not_fit_are_told_and_go_back_as_an_object(arguments: str) -> None:
    model = Model([calls("get_weather", arguments=arguments)], [text("x")])
    await model.client.ask("M", "hi", tools=[get_weather])
    [result] = model.results()
    assert result.startswith("Error: the arguments do not fit (")
    [called] = json.loads(model.queries[1]["query"][1]["content"])
    assert called["function"]["arguments"] == (arguments if "town" in arguments else "{}")


def fails() -> None:
    raise ValueError("the password is hunter2")


async def fails_too() -> None:
    raise ValueError("the password is hunter2")


@pytest.mark.parametrize("function", [fails, fails_too])
async def test_of_an_exception_the_model_is_told_the_class_and_the_log_all(
    function: Callable[..., Any], caplog: pytest.LogCaptureFixture
) -> None:
    told = await run_with(Tool.of(function, name="tool"))
    assert told.startswith("Error: the tool failed (ValueError).")
    assert "hunter2" not in told
    [record] = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert record.getMessage() == "the tool tool failed"
    assert record.name == "poe_asgi.client"
    assert "hunter2" in caplog.text
    assert "in fails" in caplog.text  # a traceback


async def test_what_a_tool_says_on_purpose_is_told() -> None:
    async def tool() -> None:
        raise ToolError("there is no city of that name")

    assert await run_with(tool) == "Error: there is no city of that name"


async def test_whatever_goes_wrong_in_a_tool_is_its_result() -> None:
    async def cancelled() -> None:
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        future.cancel()
        await future

    async def in_a_group() -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(fails_too())

    def stops() -> None:
        next(iter(()))

    def unknown() -> object:
        return object()

    tools = [cancelled, in_a_group, stops, unknown]
    told = [await run_with(Tool.of(each, name="tool")) for each in tools]
    classes = ["CancelledError", "ExceptionGroup", "RuntimeError", "PydanticSerializationError"]
    assert [each.split(")")[0] for each in told] == [f"Error: the tool failed ({name}" for name in classes]


async def test_members_that_are_not_known_go_back_with_the_call() -> None:
    signed = {"google": {"thought_signature": "AY89a1"}}
    model = Model([calls("f", extra_content=signed)], [text("x")])
    await model.client.ask("M", "hi", tools=[Tool.of(lambda: 1, name="f")])
    [called] = json.loads(model.queries[1]["query"][1]["content"])
    assert called["extra_content"] == signed


async def test_a_call_without_an_id_gets_one_that_is_the_only_one() -> None:
    model = Model(*[[delta(tool_calls=[{"function": {"name": "f"}}] * 2)]] * 2, [text("x")])
    reply = await model.client.ask("M", "hi", tools=[Tool.of(lambda: 1, name="f")])
    ids = [call.id for each in reply.tool_rounds for call in each.calls]
    assert len(set(ids)) == 4
    assert ids == [result.call_id for each in reply.tool_rounds for result in each.results]


async def test_names_are_cleaned_on_the_wire_and_restored_in_calls() -> None:
    raw = {"type": "function", "function": {"name": "weather.get now"}}
    model = Model([calls("weather_get_now")], [calls("weather_get_now")], [text("x")])
    reply = await model.client.ask("M", "hi", tools=[Tool(raw, lambda: 1)])
    assert {call.name for each in reply.tool_rounds for call in each.calls} == {"weather.get now"}
    assert {result.name for each in reply.tool_rounds for result in each.results} == {"weather.get now"}
    assert model.queries[1]["tools"][0]["function"]["name"] == "weather_get_now"
    [called] = json.loads(model.queries[2]["query"][3]["content"])
    assert called["function"]["name"] == "weather_get_now"


# ---- tools without functions


async def test_without_functions_the_calls_are_the_callers_affair() -> None:
    definition = {"type": "function", "function": {"name": "get weather"}}
    model = Model(ASKED, [text("21")])
    client = model.client
    stream = client.stream("M", "Oslo?", tools=[Tool(definition)], max_rounds=2)
    events = [event async for event in stream]
    assert [event.kind for event in events] == ["text", "json", "json", "json", "json"]
    assert len(model.queries) == 1
    [call] = stream.tool_calls
    assert call == ToolCall("get weather", '{"city": "Oslo"}', id="1")
    answered = ToolRound((call,), (call.answered("21"),))
    reply = await client.ask("M", [user("Oslo?"), *answered.messages()], tools=[Tool(definition)])
    assert (reply.text, reply.tool_calls) == ("21", ())
    assert [each["role"] for each in model.queries[1]["query"]] == ["user", "bot", "tool"]


async def test_text_in_json_events_comes_as_text_even_where_the_events_are_passed_on() -> None:
    model = Model([delta(content="a", tool_calls=None), delta(content=None), ("json", {"choices": []})])
    stream = model.client.stream("M", "hi", tools=[Tool({"function": {"name": "f"}})])
    assert [event.kind async for event in stream] == ["json", "text", "json", "json"]
    assert stream.reply.text == "a"


async def test_json_that_is_no_chunk_is_passed_on_in_any_case() -> None:
    model = Model([("json", {"progress": 1})])
    assert [each async for each in model.client.stream("M", "hi", tools=[get_weather])] == [Json({"progress": 1})]


async def test_a_round_with_a_call_that_nobody_here_can_run_is_left_to_the_caller() -> None:
    ran: list[str] = []

    async def f() -> None:
        ran.append("f")

    model = Model([calls("f", "g")], [text("x")])
    reply = await model.client.ask("M", "hi", tools=[f, Tool({"function": {"name": "g"}})])
    assert [call.name for call in reply.tool_calls] == ["f", "g"]
    assert (ran, len(model.queries)) == ([], 1)


# ---- mistakes


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"tools": [get_weather], "max_rounds": 1}, "max_rounds"),
        ({"tools": [get_weather], "max_rounds": True}, "max_rounds"),
        ({"tools": [get_weather], "tool_form": "headers"}, "tool_form"),
        ({"tools": get_weather}, "takes a list"),
        ({"tools": [get_weather, get_weather]}, "Two tools"),
        ({"tools": [{"type": "function"}]}, "function or a Tool"),
    ],
)
async def test_mistakes_are_found_before_anything_is_sent(options: dict[str, Any], named: str) -> None:
    with pytest.raises(ConfigurationError, match=named):
        Model().client.stream("M", "hi", **options)


# ---- memory


class Notes(BaseModel):
    facts: list[str] = []


async def test_rounds_are_remembered_across_turns_beside_what_the_bot_stores() -> None:
    bot = Bot()
    recalled: list[Notes | None] = []

    @bot.query
    async def handler(ctx: QueryContext) -> Answer:
        recalled.append(ctx.recall(Notes))
        yield (stream := ctx.poe.stream("M", ctx.prompt(), tools=[get_weather]))
        yield Data.dump(Notes(facts=["ä"]), tool_rounds=stream.tool_rounds)

    model = Model(ASKED, [text("It is 21.")], [text("As I said.")])
    with model.on_poe():
        first = await ask(bot, query("Oslo?"))
        history = [
            {"role": "user", "content": "Oslo?"},
            {"role": "bot", "content": first.text, "metadata": first.reader.data},
            {"role": "user", "content": "Again?"},
        ]
        second = await ask(bot, query(query=history))
    assert recalled == [None, Notes(facts=["ä"])]
    *_, rounds_before_answer = model.queries
    sent = rounds_before_answer["query"]
    assert [each["role"] for each in sent] == ["user", "bot", "tool", "bot", "user"]
    assert sent[1:3] == model.queries[1]["query"][1:3]
    assert not any("metadata" in each for each in sent)
    assert second.reader.data == '{"facts":["ä"]}'  # no rounds, nothing but the value


async def test_rounds_alone_can_be_remembered_and_hide_nothing_older() -> None:
    bot = Bot()
    contexts: list[QueryContext] = []

    @bot.query
    async def handler(ctx: QueryContext) -> Answer:
        contexts.append(ctx)
        yield ""

    history = [
        {"role": "bot", "content": "1", "metadata": Data.dump(Notes(facts=["old"])).metadata},
        {"role": "bot", "content": "2", "metadata": Data.dump(tool_rounds=[ROUND, ROUND]).metadata},
        {"role": "user", "content": "hi", "metadata": Data.dump(tool_rounds=[ROUND]).metadata},
    ]
    await ask(bot, query(query=history))
    [ctx] = contexts
    assert ctx.recall(Notes) == Notes(facts=["old"])
    assert [each.role for each in ctx.prompt()] == ["bot", "bot", "tool", "bot", "tool", "bot", "user"]
    assert ctx.prompt()[1:3] == ROUND.messages()
    joined = ctx.prompt(alternate=True)
    assert [each.content for each in joined] == ["1\n\n2", "hi"]
    assert len(ctx.messages) == 3


json_objects = st.dictionaries(st.text(max_size=4).map("x_".__add__), st.integers() | st.text(max_size=4), max_size=2)
tool_calls = st.builds(
    ToolCall,
    st.from_regex("[a-z_]{1,9}", fullmatch=True),
    json_objects.map(json.dumps),
    id=st.text(max_size=4),
    extra=json_objects,
    function_extra=json_objects,
)
tool_rounds = st.builds(
    lambda made, said: ToolRound(tuple(made), tuple(call.answered(said) for call in made)),
    st.lists(tool_calls, min_size=1, max_size=3),
    st.text(max_size=9),
)


@given(
    st.recursive(st.none() | st.text(st.characters(exclude_categories=["Cs"])), st.lists),
    st.lists(tool_rounds, max_size=2),
)
async def test_what_is_stored_comes_back(value: Any, rounds: list[ToolRound]) -> None:
    data = Data.dump(value, tool_rounds=rounds)
    assert json.loads(stored_value(data.metadata)) == value
    assert stored_rounds(data.metadata) == tuple(rounds)


@pytest.mark.parametrize(
    "metadata",
    [
        "poe_asgi.tool_rounds",
        '["poe_asgi.tool_rounds"]',
        '{"poe_asgi.tool_rounds": 7}',
        '{"poe_asgi.tool_rounds": ' + "[" * 100_000,
        '{"poe_asgi.tool_rounds": ' + "9" * 5_000 + "}",
        '{"poe_asgi.tool_rounds": [], "value": "x"}',
        '{"poe_asgi.tool_rounds": [7, {}, {"calls": 7, "results": []}, {"calls": [7, {}, {"function": {}}], "results": []}]}',
    ],
)
async def test_what_cannot_be_read_as_rounds_is_no_round(metadata: str) -> None:
    assert stored_rounds(metadata) == ()
    assert isinstance(stored_value(metadata), str)
    messages = (Message("bot", "x", metadata=metadata),)
    assert insert_tool_rounds(messages) == messages


async def test_wrong_members_of_a_stored_round_are_left_out() -> None:
    wire = ROUND.to_wire()
    wire["calls"] += [7, {"function": {"name": ""}}]
    wire["results"] += [7, {"content": None}]
    assert ToolRound.from_wire(wire) == ROUND
    assert ToolResult.from_wire({"content": "x"}) == ToolResult("x", name="", call_id="")
