"""Tools that the caller declares: refused, or handled by a bot that says so."""

from __future__ import annotations

import json
from functools import wraps
from typing import Any

import pytest

from poe_asgi import Answer, Bot, ConfigurationError, QueryContext
from poe_asgi.client import Tool
from poe_asgi.local import FakePoe, Script, ToolCall as ScriptedCall
from poe_asgi.openai_api import call_tools, handles_tools
from poe_asgi.protocol import ToolCall
from tests.support import ask

from .support import chunks, complete, deltas, message_of, saying, text_of

pytestmark = pytest.mark.asyncio

TOOL = {"type": "function", "function": {"name": "weather", "parameters": {"type": "object", "properties": {}}}}
OSLO = '{"city": "Oslo"}'


def caller() -> Bot:
    bot = Bot("Echo")

    @bot.query
    @handles_tools
    async def answer(ctx: QueryContext) -> Answer:
        yield "I look."
        yield call_tools(ToolCall("weather", OSLO, id="call_1"), ToolCall("weather", "{}"))

    return bot


async def test_tools_are_refused_unless_the_bot_handles_them() -> None:
    exchange = await complete(saying("ok"), tools=[TOOL])
    assert exchange.status == 400
    assert exchange.json["error"] == {
        "message": "This bot does not use tools of its callers: leave tools out.",
        "type": "invalid_request_error",
        "param": "tools",
        "code": "unsupported_feature_for_model",
    }


async def test_calls_of_a_whole_answer() -> None:
    exchange = await complete(caller(), tools=[TOOL])
    message = message_of(exchange)
    assert message["content"] == "I look."
    first, second = message["tool_calls"]
    assert first == {"id": "call_1", "type": "function", "function": {"name": "weather", "arguments": OSLO}}
    assert second["id"].startswith("call_")
    assert exchange.json["choices"][0]["finish_reason"] == "tool_calls"


async def test_calls_of_a_stream() -> None:
    exchange = await complete(caller(), tools=[TOOL], stream=True)
    assert text_of(exchange) == "I look."
    calls = deltas(exchange)[-2]["tool_calls"]
    assert [call["index"] for call in calls] == [0, 1]
    assert [call["function"]["name"] for call in calls] == ["weather", "weather"]
    assert chunks(exchange)[-1]["choices"][0]["finish_reason"] == "tool_calls"


@pytest.mark.parametrize("stream", [False, True])
async def test_calls_alone_are_an_answer(stream: bool) -> None:
    bot = Bot("Echo")

    @bot.query
    @handles_tools
    async def answer(ctx: QueryContext) -> Answer:
        yield call_tools(ToolCall("weather", OSLO, id="call_1"))

    exchange = await complete(bot, tools=[TOOL], stream=stream)
    assert exchange.status == 200
    assert b'"finish_reason": "tool_calls"' in exchange.body


async def test_at_the_first_door_calls_are_not_sent() -> None:
    exchange = await ask(caller())
    assert exchange.reader.clean
    assert exchange.text == "I look."
    assert b"weather" not in exchange.body


@pytest.mark.parametrize("stream", [False, True])
async def test_a_relay_hands_on_the_calls_of_the_bot_it_asks(stream: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POE_API_KEY", "of the owner")
    bot = Bot("Echo")
    gpt = bot.uses("GPT")

    @bot.query
    @handles_tools
    async def answer(ctx: QueryContext) -> Answer:
        yield ctx.poe.stream(gpt, tools=[Tool(each) for each in ctx.request.tools])

    poe = FakePoe()
    poe.bot("GPT", Script("Hm.", ScriptedCall("weather", {"city": "Oslo"})))
    with poe.installed():
        exchange = await complete(bot, tools=[TOOL], stream=stream)
    told: dict[str, Any] = deltas(exchange)[-2] if stream else message_of(exchange)
    [call] = told["tool_calls"]
    assert call["function"]["name"] == "weather"
    assert json.loads(call["function"]["arguments"]) == {"city": "Oslo"}
    assert (text_of(exchange) if stream else told["content"]) == "Hm."


async def test_a_wrapper_says_what_it_wraps() -> None:
    bot = Bot("Echo")

    @handles_tools
    async def answer(ctx: QueryContext) -> Answer:
        yield "ok"

    @bot.query
    @wraps(answer)
    async def outer(ctx: QueryContext) -> Answer:
        yield answer(ctx)

    assert (await complete(bot, tools=[TOOL])).status == 200


async def test_what_is_no_handler_handles_nothing() -> None:
    with pytest.raises(ConfigurationError, match="not a Bot"):
        handles_tools(Bot("Echo"))  # type: ignore[type-var]
