"""``ctx.poe.model("X")``: another bot as a model, over the bot query API."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from poe_asgi import Answer, Bot, File, PoeClient, QueryContext, ReplaceResponse, SuggestedReply, Text, assistant, user
from poe_asgi.chat import BotModel, ChatDelta, ChatModel, ChatResult, ChatStream, TokenUsage
from poe_asgi.client import NO_RETRY, Tool
from poe_asgi.errors import BotError, ConfigurationError, InvalidKeyError, StructuredOutputError, TruncatedStreamError
from poe_asgi.local import Cut, FakePoe, Pause, Script, Thought, ToolCall, http_error
from poe_asgi.protocol import ErrorEvent
from poe_asgi.testing import PoeTester
from tests.chat.support import merged
from tests.support import settle

pytestmark = pytest.mark.asyncio


def get_weather(city: str) -> str:
    """The weather in a city."""
    return f"Sunny in {city}."


def scripted(*answers: Any, **options: Any) -> tuple[FakePoe, BotModel]:
    poe = FakePoe()
    poe.bot("X", list(answers))
    client = PoeClient(api_key="k", transport=poe.transport(), retry=NO_RETRY)
    return poe, BotModel(client, "X", **options)


# ---- inside a bot


async def test_a_handler_asks_another_bot_that_the_user_pays_for(poe_tester: PoeTester) -> None:
    poe_tester.poe.bot("X", "Hello from X")
    bot = Bot("Bot")
    bot.uses("X")

    @bot.query
    async def answer(ctx: QueryContext) -> Answer:
        asked: ChatModel = ctx.poe.model("X")
        yield (await asked.invoke(ctx.prompt())).text

    reply = await poe_tester(bot).ask("hi")
    assert (reply.text, reply.error) == ("Hello from X", None)
    (call,) = poe_tester.poe.calls
    assert (call.surface, call.text) == ("bot", "hi")
    assert call.request.message_id != ""  # by which Poe knows whose query this is


async def test_a_handler_serves_its_answer_with_all_that_comes_with_it(poe_tester: PoeTester) -> None:
    file = File(url="https://x.test/a.png", name="a.png", content_type="image/png")
    poe_tester.poe.bot("X", Script("One", ReplaceResponse("Two"), file, SuggestedReply("More")))
    bot = Bot("Bot")
    dependency = bot.uses("X")
    streams: list[ChatStream] = []

    @bot.query
    async def answer(ctx: QueryContext) -> Answer:
        streams.append(ctx.poe.model(dependency).stream(ctx.prompt()))
        yield streams[0].answer(thoughts="quote")

    reply = await poe_tester(bot).ask("hi")
    assert (reply.text, reply.suggested_replies) == ("Two", ("More",))
    assert [each.url for each in reply.files] == [file.url]
    assert (streams[0].result.text, streams[0].result.complete) == ("Two", True)


async def test_a_bot_that_fails_is_an_error_to_the_user(poe_tester: PoeTester) -> None:
    poe_tester.poe.bot("X", Script("so far", ErrorEvent(text="X is tired.", allow_retry=False)))
    bot = Bot("Bot")
    bot.uses("X")

    @bot.query
    async def answer(ctx: QueryContext) -> Answer:
        yield ctx.poe.model("X").stream(ctx.prompt()).answer()

    reply = await poe_tester(bot).ask("hi")
    assert reply.text == "so far"
    assert reply.error is not None


# ---- what comes back


async def test_the_answer_is_text_and_files_with_no_usage_told() -> None:
    file = File(url="https://x.test/a.pdf", name="a.pdf", content_type="application/pdf")
    _, asked = scripted(Script(Thought("Hm."), "Hel", "lo", file))
    result = await asked.invoke("hi")
    assert result == ChatResult(
        "Hello", model="X", usage=TokenUsage(is_estimate=True), files=result.files, finish_reason="stop"
    )
    assert [(each.url, each.name, each.content_type) for each in result.files] == [
        (file.url, file.name, file.content_type)
    ]
    assert result.messages == (assistant("Hello"),)


async def test_a_stream_adds_up_to_what_invoke_gives() -> None:
    _, asked = scripted(Script("Hel", Pause(0), "lo"))
    in_one_piece = await asked.invoke("hi")
    for answer in (asked.stream("hi"), await asked.invoke("hi", streaming=True)):
        deltas = [delta async for delta in answer]
        assert answer.result == in_one_piece
        text, thoughts, json = merged(deltas)
        assert (text, thoughts) == ("Hello", "")
        assert json == {"model": "X", "usage": in_one_piece.usage.to_dict()}


@pytest.mark.parametrize(
    ("replaced", "text", "deltas"),
    [
        ("One, two", "One, two", [ChatDelta("One"), ChatDelta(", two")]),
        ("Two", "Two", [ChatDelta("One"), ChatDelta("Two", replaces=True)]),
        ("", "", [ChatDelta("One"), ChatDelta("", replaces=True)]),
        ("One", "One", [ChatDelta("One")]),
    ],
)
async def test_what_a_bot_replaces_is_added_where_it_can_be(replaced: str, text: str, deltas: list[ChatDelta]) -> None:
    _, asked = scripted(Script("One", Pause(0), ReplaceResponse(replaced)))
    answer = asked.stream("hi")
    came = [delta async for delta in answer]
    assert came[:-1] == deltas
    assert (merged(came)[0], answer.result.text) == (text, text)


async def test_the_result_is_what_came_so_far() -> None:
    _, asked = scripted(Script("Hel", Pause(1000), "lo"))
    answer = asked.stream("hi")
    assert answer.result == ChatResult(complete=False)
    async with answer:
        async for _ in answer:
            break
    assert (answer.result.text, answer.result.complete, answer.result.finish_reason) == ("Hel", False, None)
    await settle()
    assert len(asyncio.all_tasks()) == 1


@pytest.mark.parametrize(
    ("end", "error"), [(Cut(), TruncatedStreamError), (ErrorEvent(text="Tired.", allow_retry=False), BotError)]
)
async def test_an_answer_that_breaks_off_is_raised_and_not_complete(end: Any, error: type[Exception]) -> None:
    _, asked = scripted(Script("Hel", end))
    answer = asked.stream("hi")
    with pytest.raises(error):
        await answer.read()
    assert (answer.result.text, answer.result.complete, answer.result.finish_reason) == ("Hel", False, None)


async def test_errors_of_poe_are_those_of_the_client() -> None:
    _, asked = scripted(http_error(401))
    with pytest.raises(InvalidKeyError):
        await asked.invoke("hi")


async def test_its_events_can_be_had_as_they_are() -> None:
    _, asked = scripted(Script("One", Pause(0), ReplaceResponse("Two")))
    assert [event async for event in asked.stream("hi").answer()] == [Text("One"), ReplaceResponse("Two")]


# ---- what goes out


async def test_options_go_where_the_protocol_has_a_place_or_as_parameters() -> None:
    poe, asked = scripted("Hello", model_options={"temperature": 0.1, "aspect": "3:2"})
    await asked.invoke("hi", temperature=0.5, stop="x", skipSystemPrompt=True, maxTokens=5, aspect=None)
    (call,) = poe.calls
    request = call.request
    assert (request.temperature, request.stop_sequences, request.skip_system_prompt) == (0.5, ("x",), True)
    assert dict(request.query[-1].parameters) == {"max_tokens": 5}
    await asked.invoke("hi", stop=["a", "b"], logit_bias={"5": 1})
    assert poe.calls[1].request.stop_sequences == ("a", "b")
    assert dict(poe.calls[1].request.query[-1].parameters) == {"aspect": "3:2"}


async def test_without_options_there_are_no_parameters() -> None:
    poe, asked = scripted("Hello")
    await asked.invoke("hi")
    assert dict(poe.calls[0].request.query[-1].parameters) == {}
    assert poe.calls[0].request.temperature is None


async def test_messages_may_be_dictionaries_too() -> None:
    poe, asked = scripted("Hello")
    image = {"type": "image_url", "image_url": {"url": "https://x.test/cat.png"}}
    await asked.invoke(
        [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": [{"type": "text", "text": "What is it?"}, image]},
            {"role": "assistant", "content": "A cat."},
            {"role": "agent", "content": "Really."},
            user("Sure?"),
        ]
    )
    query = poe.calls[0].request.query
    assert [(each.role, each.content) for each in query] == [
        ("system", "Be brief."),
        ("user", "What is it?"),
        ("bot", "A cat."),
        ("bot", "Really."),
        ("user", "Sure?"),
    ]
    assert [each.url for each in query[1].attachments] == ["https://x.test/cat.png"]


@pytest.mark.parametrize("messages", [5, [5], [{"content": "x"}], [{"role": "user", "content": 5}], [{"role": "user", "content": [b"x"]}], []])  # fmt: skip
async def test_what_is_no_message_is_a_mistake(messages: Any) -> None:
    poe, asked = scripted("Hello")
    with pytest.raises(ConfigurationError):
        await asked.invoke(messages)
    assert poe.calls == []


async def test_a_conversation_goes_on_with_the_messages_of_the_answer() -> None:
    poe, asked = scripted(Script("Let me see.", ToolCall("get_weather", {"city": "Rome"}, id="1")), "Sunny.", "Bye.")
    talk: list[Any] = [user("hi")]
    result = await asked.invoke(talk, tools=[get_weather])
    await asked.invoke([*talk, *result.messages, user("bye")])
    assert [each.role for each in poe.calls[2].request.query] == ["user", "bot", "tool", "bot", "user"]


# ---- tools


@pytest.mark.parametrize("streaming", [False, True])
async def test_tools_are_run_as_for_every_model(streaming: bool) -> None:
    poe, asked = scripted(ToolCall("get_weather", {"city": "Rome"}, id="1"), "Sunny.")
    answer = asked.stream("hi", tools=[get_weather])
    result = await (answer.read() if streaming else asked.invoke("hi", tools=[get_weather]))
    assert (result.text, result.finish_reason, result.tool_calls) == ("Sunny.", "stop", ())
    assert [each.content for each in result.tool_rounds[0].results] == ["Sunny in Rome."]
    assert len(poe.calls) == 2


async def test_the_rounds_and_the_calls_left_are_told_by_the_last_delta() -> None:
    definition = {"type": "function", "function": {"name": "look_up"}}
    _, asked = scripted(ToolCall("get_weather", {"city": "Rome"}, id="1"), Script("Hm.", ToolCall("look_up", id="2")))
    answer = asked.stream("hi", tools=[get_weather, definition])
    json = merged([delta async for delta in answer])[2]
    whole = answer.result.to_dict()
    assert json == {name: whole[name] for name in ("model", "usage", "tool_calls", "tool_rounds")}
    assert ([each.name for each in answer.result.tool_calls], answer.result.finish_reason) == (
        ["look_up"],
        "tool_calls",
    )
    assert answer.result.messages[-1].message_type == "function_call"  # type: ignore[union-attr]


async def test_definitions_alone_leave_the_calls_to_the_caller() -> None:
    definition = {"type": "function", "function": {"name": "look_up"}}
    poe, asked = scripted(ToolCall("look_up", {"q": 1}, id="1"), "Found.")
    for tools in ([definition], [Tool(definition)]):
        poe.bot("X", [ToolCall("look_up", {"q": 1}, id="1"), "Found."])
        result = await asked.invoke("hi", tools=tools)
        assert [(each.name, each.arguments) for each in result.tool_calls] == [("look_up", '{"q": 1}')]
        answered = {"role": "tool", "tool_call_id": "1", "content": "42"}
        assert (await asked.invoke([user("hi"), *result.messages, answered])).text == "Found."
        assert [each.role for each in poe.calls[-1].request.query] == ["user", "bot", "tool"]


async def test_a_bot_takes_no_choice_of_a_tool() -> None:
    _, asked = scripted("Hello")
    with pytest.raises(ConfigurationError, match="tool_choice"):
        asked.stream("hi", tools=[get_weather], tool_choice="get_weather")


# ---- structured output


async def test_an_answer_is_parsed_without_a_response_format() -> None:
    poe, asked = scripted('```json\n{"a": 1}\n```', "no", "no", "no")
    assert (await asked.parse("hi", dict[str, int])).parsed == {"a": 1}
    assert "response_format" not in poe.calls[0].request.query[-1].parameters
    with pytest.raises(StructuredOutputError):
        await asked.parse("hi", dict[str, int])
    assert len(poe.calls) == 1 + 3
