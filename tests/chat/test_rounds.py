"""Tools over chat completions: what is offered, what is run, what is sent back, and when it ends."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import pytest

from poe_asgi.chat import ChatDelta, ChatResult, PoeChatModel
from poe_asgi.client import Tool
from poe_asgi.errors import AnswerError, ConfigurationError, OverloadedError, ToolError
from poe_asgi.local import FakePoe, Script, Thought, ToolCall, http_error
from poe_asgi.testing import ScriptedModel
from tests.chat.support import DONE, Answers, call, chunk, model, stream, whole
from tests.support import settle

pytestmark = pytest.mark.asyncio

DEFINITION = {"type": "function", "function": {"name": "look_up", "parameters": {"type": "object"}}}


def get_weather(city: str) -> str:
    """The weather in a city."""
    return f"Sunny in {city}."


async def get_time(zone: str = "UTC") -> dict[str, str]:
    """The time."""
    return {"zone": zone}


def scripted(*answers: Any) -> tuple[FakePoe, PoeChatModel]:
    poe = FakePoe()
    poe.bot("m", list(answers))
    return poe, model(poe, model="m")


async def ask(asked: PoeChatModel, streaming: bool, *messages: Any, **options: Any) -> ChatResult:
    if streaming:
        return await asked.stream(*messages or ("hi",), **options).read()
    result: ChatResult = await asked.invoke(*messages or ("hi",), **options)
    return result


both = pytest.mark.parametrize("streaming", [False, True])

# ---- a round


@both
async def test_calls_are_run_and_their_results_sent_back(streaming: bool) -> None:
    poe, asked = scripted(
        Script("Let me see.", ToolCall("get_weather", {"city": "Rome"}, id="c1")), Script("It is sunny.", usage={"prompt_tokens": 9})
    )  # fmt: skip
    result = await ask(asked, streaming, tools=[get_weather], temperature=0.5)
    assert result.text == "Let me see.\n\nIt is sunny."
    assert (result.tool_calls, result.finish_reason, result.complete) == ((), "stop", True)
    (ran,) = result.tool_rounds
    assert [(each.name, each.arguments) for each in ran.calls] == [("get_weather", '{"city": "Rome"}')]
    assert [(each.call_id, each.content) for each in ran.results] == [("c1", "Sunny in Rome.")]
    first, second = (each.body for each in poe.calls)
    assert first["tools"] == second["tools"] == [Tool.of(get_weather).to_wire()]
    assert [("tool_choice" in body, body["temperature"]) for body in (first, second)] == [(False, 0.5)] * 2
    assert second["messages"] == [
        {"role": "user", "content": "hi"},
        {
            "role": "assistant",
            "content": "Let me see.",
            "tool_calls": [call("get_weather", '{"city": "Rome"}', id="c1")],
        },
        {"role": "tool", "tool_call_id": "c1", "content": "Sunny in Rome."},
    ]
    assert result.messages == (*second["messages"][1:], {"role": "assistant", "content": "It is sunny."})
    assert (result.usage.input_tokens, result.usage.is_estimate) == (1 + 9, True)


@both
async def test_rounds_follow_each_other_and_add_up(streaming: bool) -> None:
    poe, asked = scripted(
        Script(Thought("One."), ToolCall("get_time", id="a")),
        Script(Thought("Two."), "First.", ToolCall("get_time", {"zone": "CET"}, id="b")),
        Script(Thought("Three."), "Second."),
    )
    result = await ask(asked, streaming, tools=[get_time])
    assert (result.text, result.thoughts) == ("First.\n\nSecond.", "One.\n\nTwo.\n\nThree.")
    assert [each.results[0].content for each in result.tool_rounds] == ['{"zone": "UTC"}', '{"zone": "CET"}']
    assert [len(each.body["messages"]) for each in poe.calls] == [1, 3, 5]


async def test_a_stream_tells_of_the_rounds_as_they_end() -> None:
    _, asked = scripted(ToolCall("get_time", id="a"), ToolCall("get_time", id="b"), "Done.")
    told = [
        delta.json["tool_rounds"] async for delta in asked.stream("hi", tools=[get_time]) if "tool_rounds" in delta.json
    ]
    assert [[each["calls"][0]["id"] for each in rounds] for rounds in told] == [["a"], ["a", "b"]]


async def test_text_of_a_second_round_stands_apart_in_the_deltas_too() -> None:
    _, asked = scripted(Script("One.", ToolCall("get_time")), Script("Two", "."))
    texts = [delta.text async for delta in asked.stream("hi", tools=[get_time]) if delta.text]
    assert "".join(texts) == "One.\n\nTwo."


@both
async def test_calls_of_one_answer_run_side_by_side_and_are_answered_in_their_order(streaming: bool) -> None:
    both_are_there = asyncio.Barrier(2)

    async def meet(name: str) -> str:
        await both_are_there.wait()
        return name

    poe, asked = scripted(
        Script(ToolCall("meet", {"name": "a"}, id="1"), ToolCall("meet", {"name": "b"}, id="2")), "Both."
    )
    async with asyncio.timeout(10):
        result = await ask(asked, streaming, tools=[meet])
    assert [each.content for each in result.tool_rounds[0].results] == ["a", "b"]
    assert [each.get("tool_call_id") for each in poe.calls[1].body["messages"][2:]] == ["1", "2"]


@both
async def test_the_last_round_allows_no_call_but_has_the_tools(
    streaming: bool, caplog: pytest.LogCaptureFixture
) -> None:
    poe, asked = scripted(ToolCall("get_time", id="again"))
    with caplog.at_level(logging.WARNING, "poe_asgi.chat"):
        result = await ask(asked, streaming, tools=[get_time], max_rounds=3)
    assert [each.body.get("tool_choice") for each in poe.calls] == [None, None, "none"]
    assert all(each.body["tools"] for each in poe.calls)
    assert ([each.id for each in result.tool_calls], len(result.tool_rounds)) == (["again"], 2)
    assert result.finish_reason == "tool_calls"
    assert "after 3 rounds a model still called tools" in caplog.text


@pytest.mark.parametrize("max_rounds", [1, 0, -1, True, 2.5, "3", None])
async def test_what_is_no_number_of_rounds_is_a_mistake(max_rounds: Any) -> None:
    with pytest.raises(ConfigurationError, match="max_rounds"):
        model(Answers()).stream("hi", tools=[get_time], max_rounds=max_rounds)


# ---- what goes wrong


@both
async def test_a_tool_that_raises_is_told_to_the_model_without_what_it_said(
    streaming: bool, caplog: pytest.LogCaptureFixture
) -> None:
    def fail() -> None:
        raise ValueError("the password is 123")

    def refuse() -> None:
        raise ToolError("Ask for another city.")

    poe, asked = scripted(
        Script(ToolCall("fail", id="1"), ToolCall("refuse", id="2"), ToolCall("unknown", id="3")), "Sorry."
    )
    result = await ask(asked, streaming, tools=[fail, refuse])
    assert result.text == "Sorry."
    failed, refused, unknown = (each["content"] for each in poe.calls[1].body["messages"][2:])
    assert "ValueError" in failed
    assert "password" not in failed
    assert refused == "Error: Ask for another city."
    assert "no tool 'unknown'" in unknown


@both
@pytest.mark.parametrize("arguments", ["", "[broken", "[1]", '{"city": 5}', '{"town": "Rome"}', "null"])
async def test_arguments_that_do_not_fit_are_told_to_the_model(streaming: bool, arguments: str) -> None:
    poe, asked = scripted(ToolCall("get_weather", arguments, id="1"), "Sorry.")
    result = await ask(asked, streaming, tools=[get_weather])
    assert result.text == "Sorry."
    messages = poe.calls[1].body["messages"]
    assert messages[2]["content"].startswith("Error: ")
    assert messages[1]["tool_calls"][0]["function"]["arguments"] in {"{}", arguments}


@both
async def test_an_answer_error_of_a_tool_ends_the_call(streaming: bool) -> None:
    def stop() -> None:
        raise AnswerError("That is enough.")

    poe, asked = scripted(Script("Let me see.", ToolCall("stop", id="1")), "never")
    with pytest.raises(AnswerError, match="enough"):
        await ask(asked, streaming, tools=[stop])
    assert len(poe.calls) == 1


async def test_an_error_in_a_later_round_leaves_what_came_before_in_the_result() -> None:
    _, asked = scripted(Script("One.", ToolCall("get_time", id="1")), http_error(529))
    answer = asked.stream("hi", tools=[get_time])
    with pytest.raises(OverloadedError):
        await answer.read()
    assert (answer.result.text, answer.result.complete, len(answer.result.tool_rounds)) == ("One.", False, 1)


async def test_a_stream_that_is_closed_while_a_tool_runs_cancels_the_tool() -> None:
    cancelled = []

    async def wait() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.append(1)

    _, asked = scripted(ToolCall("wait", id="1"), "never")
    reading = asyncio.create_task(asked.stream("hi", tools=[wait]).read())
    await settle()
    assert cancelled == []
    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading
    assert cancelled == [1]


# ---- calls that are left to the caller


@both
async def test_calls_of_tools_without_a_function_are_left(streaming: bool) -> None:
    poe, asked = scripted(Script("Let me see.", ToolCall("look_up", {"q": "x"}, id="1")), "never")
    result = await ask(asked, streaming, tools=[DEFINITION])
    assert poe.calls[0].body["tools"] == [DEFINITION]
    assert (result.text, result.finish_reason, len(poe.calls)) == ("Let me see.", "tool_calls", 1)
    assert [(each.id, each.name, each.arguments) for each in result.tool_calls] == [("1", "look_up", '{"q": "x"}')]
    assert result.messages == (
        {"role": "assistant", "content": "Let me see.", "tool_calls": [call("look_up", '{"q": "x"}', id="1")]},
    )


@both
async def test_one_such_call_leaves_them_all_and_nothing_is_run(streaming: bool) -> None:
    poe, asked = scripted(Script(ToolCall("get_time", id="1"), ToolCall("look_up", id="2")), "never")
    result = await ask(asked, streaming, tools=[get_time, Tool(DEFINITION)])
    assert ([each.id for each in result.tool_calls], result.tool_rounds, len(poe.calls)) == (["1", "2"], (), 1)


@both
async def test_calls_where_no_tools_were_offered_are_left(streaming: bool) -> None:
    poe, asked = scripted(ToolCall("surprise", id="1"), "never")
    result = await ask(asked, streaming)
    assert ([each.name for each in result.tool_calls], len(poe.calls)) == (["surprise"], 1)
    assert "tools" not in poe.calls[0].body


@both
async def test_the_caller_answers_such_calls_and_goes_on(streaming: bool) -> None:
    signature = {"extra_content": {"google": {"thought_signature": "AY89a1=="}}}
    poe, asked = scripted(ToolCall("look_up", {"q": "x"}, id="1", extra=signature), "Found.")
    talk: list[Any] = [{"role": "user", "content": "hi"}]
    result = await ask(asked, streaming, talk, tools=[DEFINITION])
    assert [dict(each.extra) for each in result.tool_calls] == [signature]
    answered = [{"role": "tool", "tool_call_id": each.id, "content": "42"} for each in result.tool_calls]
    last = await ask(asked, streaming, [*talk, *result.messages, *answered], tools=[DEFINITION])
    assert last.text == "Found."
    assert poe.calls[1].body["messages"] == [
        *talk,
        {"role": "assistant", "content": "", "tool_calls": [call("look_up", '{"q": "x"}', id="1", **signature)]},
        *answered,
    ]


# ---- what is sent back unchanged, and what is cleaned


@both
async def test_extra_content_is_sent_back_unchanged(streaming: bool) -> None:
    signature = {"extra_content": {"google": {"thought_signature": "AY89a1=="}}, "x": [1, None]}
    poe, asked = scripted(ToolCall("get_time", id="1", extra=signature), "Done.")
    await ask(asked, streaming, tools=[get_time])
    assert poe.calls[1].body["messages"][1]["tool_calls"] == [call("get_time", "{}", id="1", **signature)]


@both
async def test_names_are_cleaned_on_the_wire_and_restored_for_the_caller(streaming: bool) -> None:
    def look_up(q: str) -> str:
        return q.upper()

    tool = Tool.of(look_up, name="look-up it\u00fc!")
    poe, asked = scripted(ToolCall("look_up_it__", {"q": "x"}, id="1"), "Done.")
    result = await ask(asked, streaming, tools=[tool])
    assert poe.calls[0].body["tools"][0]["function"]["name"] == "look_up_it__"
    assert poe.calls[1].body["messages"][1]["tool_calls"][0]["function"]["name"] == "look_up_it__"
    assert result.tool_rounds[0].calls[0].name == "look-up it\u00fc!"
    assert result.tool_rounds[0].results[0].content == "X"
    left = {"type": "function", "function": {"name": "a-b"}}
    _, asked = scripted(ToolCall("a_b", id="1"))
    assert [each.name for each in (await ask(asked, streaming, tools=[left])).tool_calls] == ["a-b"]


@both
async def test_a_call_without_an_id_gets_one_that_its_result_has_too(streaming: bool) -> None:
    nameless = {"index": 0, "function": {"name": "get_time", "arguments": "{}"}}
    answers = (
        [
            stream(chunk(tool_calls=[nameless], finish="tool_calls"), DONE),
            stream(chunk(content="Done.", finish="stop"), DONE),
        ]
        if streaming
        else [whole("", tool_calls=[nameless]), whole("Done.")]
    )
    app = Answers(*answers)
    result = await ask(model(app), streaming, tools=[get_time])
    asking, answer = app.bodies[1]["messages"][1:]
    assert answer["tool_call_id"] == asking["tool_calls"][0]["id"] == result.tool_rounds[0].calls[0].id != ""


# ---- which tool


@pytest.mark.parametrize("choice", ["auto", "none", "required"])
async def test_a_choice_goes_out_as_it_is(choice: str) -> None:
    poe, asked = scripted("Hello")
    await asked.invoke("hi", tools=[get_weather], tool_choice=choice)
    assert poe.calls[0].body["tool_choice"] == choice


@both
@pytest.mark.parametrize(
    "choice",
    [
        "get_weather",
        get_weather,
        Tool.of(get_weather),
        {"type": "function", "function": {"name": "get_weather"}},
    ],
)
async def test_one_tool_may_be_chosen_in_every_form_and_is_forced_once(streaming: bool, choice: Any) -> None:
    poe, asked = scripted(ToolCall("get_weather", {"city": "Rome"}), ToolCall("get_time"), "Done.")
    await ask(asked, streaming, tools=[get_weather, get_time], tool_choice=choice)
    named = {"type": "function", "function": {"name": "get_weather"}}
    assert [each.body.get("tool_choice") for each in poe.calls] == [named, None, None]


@pytest.mark.parametrize("choice", ["get-weather", {"type": "function", "function": {"name": "get-weather"}}])
async def test_the_name_in_a_choice_is_cleaned_as_that_of_the_tool_is(choice: Any) -> None:
    poe, asked = scripted("Hello")
    await asked.invoke("hi", tools=[Tool.of(get_weather, name="get-weather")], tool_choice=choice)
    assert poe.calls[0].body["tools"][0]["function"]["name"] == "get_weather"
    assert poe.calls[0].body["tool_choice"] == {"type": "function", "function": {"name": "get_weather"}}


@pytest.mark.parametrize(("choice", "later"), [("auto", "auto"), ("none", "none"), ("required", None)])
async def test_a_choice_that_forces_is_for_the_first_request(choice: str, later: str | None) -> None:
    poe, asked = scripted(ToolCall("get_time"), "Done.")
    await asked.invoke("hi", tools=[get_time], tool_choice=choice)
    assert [each.body.get("tool_choice") for each in poe.calls] == [choice, later]


async def test_another_choice_of_the_api_goes_out_as_it_is() -> None:
    allowed = {"type": "allowed_tools", "allowed_tools": {"mode": "auto", "tools": [{"type": "function"}]}}
    poe, asked = scripted("Hello")
    await asked.invoke("hi", tools=[get_time], tool_choice=allowed)
    assert poe.calls[0].body["tool_choice"] == allowed


@pytest.mark.parametrize("choice", ["get_wether", {"type": "function", "function": {"name": "get_wether"}}, get_time])
async def test_a_tool_that_is_not_offered_cannot_be_chosen(choice: Any) -> None:
    with pytest.raises(ConfigurationError, match=r"tool_choice.*get_weather"):
        model(Answers()).stream("hi", tools=[get_weather], tool_choice=choice)


async def test_a_value_that_is_no_choice_is_a_mistake() -> None:
    choice: Any = 5
    with pytest.raises(ConfigurationError):
        model(Answers()).stream("hi", tools=[get_weather], tool_choice=choice)


@pytest.mark.parametrize("tools", [get_time, Tool.of(get_time), DEFINITION, "get_time", None])
async def test_tools_that_are_no_list_are_a_mistake_that_names_the_fix(tools: Any) -> None:
    with pytest.raises(ConfigurationError, match=r"tools=\["):
        model(Answers()).stream("hi", tools=tools)
    with pytest.raises(ConfigurationError, match=r"tools=\["):
        await model(Answers()).invoke("hi", tools=tools)


async def test_two_tools_of_one_name_are_a_mistake() -> None:
    with pytest.raises(ConfigurationError, match="get_time"):
        model(Answers()).stream("hi", tools=[get_time, get_time])


async def test_parallel_tool_calls_are_said_only_when_asked() -> None:
    poe, asked = scripted("Hello")
    await asked.invoke("hi", tools=[get_time])
    await asked.invoke("hi", tools=[get_time], parallel_tool_calls=False)
    assert ["parallel_tool_calls" in each.body for each in poe.calls] == [False, True]


async def test_the_rounds_leave_the_messages_of_the_caller_alone() -> None:
    talk: list[Any] = [{"role": "user", "content": "hi"}]
    _, asked = scripted(ToolCall("get_time"), "Done.")
    await asked.invoke(talk, tools=[get_time])
    assert talk == [{"role": "user", "content": "hi"}]


async def test_the_result_of_a_stream_with_tools_is_right_in_the_middle() -> None:
    _, asked = scripted(Script("One.", ToolCall("get_time", id="1")), Script("Two", "."))
    answer = asked.stream("hi", tools=[get_time])
    seen: list[tuple[ChatDelta, str, int]] = []
    async with answer:
        async for delta in answer:
            seen.append((delta, answer.result.text, len(answer.result.tool_rounds)))
            if delta.text.endswith("Two"):
                break
    assert [(text, rounds) for delta, text, rounds in seen if delta.text] == [("One.", 0), ("One.\n\nTwo", 1)]
    assert (answer.result.text, answer.result.complete, len(answer.result.tool_rounds)) == ("One.\n\nTwo", False, 1)


@pytest.mark.asyncio
async def test_a_call_cannot_be_required_without_tools() -> None:
    with pytest.raises(ConfigurationError, match="needs tools to choose from"):
        await ScriptedModel("Hi").invoke("Hi", tool_choice="required")
