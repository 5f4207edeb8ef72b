"""The body of a chat completion as the handler sees it."""

from __future__ import annotations

import json
from base64 import b64encode
from typing import Any

import pytest
from pydantic import BaseModel

from poe_asgi.openai_api import handles_tools
from poe_asgi.protocol import Attachment, Message, Sender

from .support import Asked

pytestmark = pytest.mark.asyncio

TOOL = {"type": "function", "function": {"name": "weather", "parameters": {"type": "object", "properties": {}}}}


async def test_roles_are_those_of_poe() -> None:
    roles = {"system": "system", "developer": "system", "user": "user", "assistant": "bot"}
    ctx = await Asked().with_body(messages=[{"role": role, "content": role} for role in roles])
    assert [(message.content, message.role) for message in ctx.messages] == list(roles.items())
    assert ctx.text == "user"


async def test_parts_become_a_text_and_attachments() -> None:
    parts = [
        {"type": "text", "text": "Look:"},
        {"type": "image_url", "image_url": {"url": "https://example.com/cat.png", "detail": "low"}},
        {"type": "file", "file": {"filename": "a.pdf", "file_data": "data:application/pdf;base64,JVBERg=="}},
        {"type": "input_audio", "input_audio": {"data": "UklGRg==", "format": "wav"}},
        {"type": "text", "text": "What is it?"},
    ]
    ctx = await Asked().with_body(messages=[{"role": "user", "content": parts}])
    assert ctx.text == "Look:\n\nWhat is it?"
    assert list(ctx.attachments) == [
        Attachment(url="https://example.com/cat.png", name="image", content_type="image/png"),
        Attachment(url="data:application/pdf;base64,JVBERg==", name="a.pdf", content_type="application/pdf"),
        Attachment(url="data:audio/wav;base64,UklGRg==", name="audio.wav", content_type="audio/wav"),
    ]
    assert await ctx.attachments[1].download() == b"%PDF"


async def test_a_text_file_is_read_as_poe_reads_it() -> None:
    url = f"data:text/plain;base64,{b64encode('Grüße'.encode()).decode()}"
    parts = [{"type": "file", "file": {"filename": "a.txt", "file_data": url}}, {"type": "text", "text": "Read."}]
    ctx = await Asked().with_body(messages=[{"role": "user", "content": parts}])
    assert ctx.attachments[0].parsed_content == "Grüße"
    assert "Grüße" in ctx.prompt()[0].content
    broken = [{"type": "file", "file": {"filename": "a.txt", "file_data": "data:text/plain;base64,/w=="}}]
    ctx = await Asked().with_body(messages=[{"role": "user", "content": broken}])
    assert ctx.attachments[0].parsed_content is None


async def test_hints_have_their_places_in_a_query() -> None:
    ctx = await Asked().with_body(temperature=0.5, stop="END", logit_bias={"50256": -100}, user="u-1", n=1)
    request = ctx.request
    assert (request.temperature, request.stop_sequences, request.user_id) == (0.5, ("END",), "u-1")
    assert request.logit_bias == {"50256": -100}
    assert ctx.parameters == {}
    assert (await Asked().with_body(stop=["a", "b"])).request.stop_sequences == ("a", "b")


async def test_other_fields_are_parameters_of_the_newest_message_of_the_user() -> None:
    class Options(BaseModel):
        aspect: str = "1:1"
        max_tokens: int = 0

    messages = [
        {"role": "user", "content": "1"},
        {"role": "user", "content": "2"},
        {"role": "assistant", "content": "3"},
    ]
    ctx = await Asked().with_body(messages=messages, aspect="16:9", max_tokens=7, seed=None)
    assert ctx.parameters == {"aspect": "16:9", "max_tokens": 7}
    assert ctx.parameters_as(Options) == Options(aspect="16:9", max_tokens=7)
    assert [message.parameters for message in ctx.messages if message.content != "2"] == [{}, {}]


async def test_a_name_is_that_of_the_sender() -> None:
    ctx = await Asked().with_body(messages=[{"role": "user", "content": "hi", "name": "Ada"}])
    assert ctx.messages == (Message("user", "hi", sender=Sender(name="Ada")),)


async def test_calls_of_tools_and_their_results_are_rounds() -> None:
    call = {"id": "call_1", "type": "function", "function": {"name": "weather", "arguments": '{"city": "Oslo"}'}}
    messages: list[dict[str, Any]] = [
        {"role": "user", "content": "Weather?"},
        {"role": "assistant", "content": "I look.", "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "call_1", "content": [{"type": "text", "text": "Rain."}]},
        {"role": "user", "content": "And?"},
    ]
    asked = Asked(handles_tools)
    ctx = await asked.with_body(messages=messages, tools=[TOOL], tool_choice="auto")
    question, said, calls, results, _ = ctx.messages
    assert (question.content, said.content) == ("Weather?", "I look.")
    assert (calls.role, calls.message_type, json.loads(calls.content)) == ("bot", "function_call", [call])
    assert results.role == "tool"
    assert json.loads(results.content) == [
        {"role": "tool", "name": "weather", "tool_call_id": "call_1", "content": "Rain."}
    ]
    assert ctx.request.tools == (TOOL,)
    assert ctx.parameters == {"tool_choice": "auto"}


async def test_the_id_of_the_completion_is_that_of_the_message_to_be_written() -> None:
    asked = Asked()
    ctx = await asked.with_body()
    assert ctx.request.message_id.startswith("chatcmpl-")


async def test_the_key_of_this_door_signs_no_calls_to_poe(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POE_API_KEY", "of the owner")
    ctx = await Asked().with_body()
    assert ctx.poe.connection.key() == "of the owner"
