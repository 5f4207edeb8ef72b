"""The OpenAI-compatible API of `FakePoe`, whole and streamed."""

from __future__ import annotations

import json
from typing import Any

import pytest

from poe_asgi import Answer, Bot, File, QueryContext, ReplaceResponse, Text
from poe_asgi.client import HttpRequest
from poe_asgi.errors import ConnectionFailedError, UserCausedError
from poe_asgi.local import Cut, FakePoe, Script, Thought, ToolCall, fingerprint, http_error
from poe_asgi.protocol import ErrorEvent, Json, SSEParser, Unknown
from tests.local.support import KEY, Came, post

pytestmark = pytest.mark.asyncio

HI = {"role": "user", "content": "hi there"}
CALL = ToolCall("weather", {"city": "Paris"}, id="call_1")


async def complete(poe: FakePoe, **body: Any) -> Came:
    return await post(poe, "/v1/chat/completions", {"model": "GPT-5-mini", "messages": [HI], **body})


async def answered(answer: Any, **body: Any) -> Came:
    poe = FakePoe()
    poe.bot("gpt-5-mini", answer)
    return await complete(poe, **body)


def chunks(came: Came) -> list[Any]:
    """The chunks of a stream; the end mark is a str."""
    data = [event.data for event in SSEParser().feed(came.body)]
    return [each if each == "[DONE]" else json.loads(each) for each in data]


def deltas(came: Came) -> list[Any]:
    return [chunk["choices"][0]["delta"] for chunk in chunks(came) if chunk != "[DONE]" and chunk.get("choices")]


# ---- whole


async def test_a_completion_has_the_shape_that_poe_was_seen_with() -> None:
    came = await answered("Hello.")
    assert came.status == 200
    assert came.headers["openai-version"] == "2020-10-01"
    body = came.json
    assert (body["object"], body["model"]) == ("chat.completion", "GPT-5-mini")
    assert body["id"].startswith("chatcmpl-")
    assert body["choices"] == [
        {"index": 0, "message": {"role": "assistant", "content": "Hello."}, "finish_reason": "stop"}
    ]
    assert body["usage"] == {"prompt_tokens": 2, "completion_tokens": 2, "total_tokens": 4}


async def test_reasoning_comes_under_both_names() -> None:
    message = (await answered(Script(Thought("so "), Thought("so"), "x"))).json["choices"][0]["message"]
    assert message == {"role": "assistant", "content": "x", "reasoning": "so so", "reasoning_content": "so so"}


async def test_tool_calls_come_whole_with_empty_text_and_no_usage() -> None:
    body = (await answered(Script(CALL, ToolCall("now", id="call_2", extra={"extra_content": {"a": 1}})))).json
    choice = body["choices"][0]
    assert (choice["finish_reason"], choice["message"]["content"]) == ("tool_calls", "")
    assert choice["message"]["tool_calls"] == [
        {"id": "call_1", "type": "function", "function": {"name": "weather", "arguments": '{"city": "Paris"}'}},
        {
            "id": "call_2",
            "type": "function",
            "function": {"name": "now", "arguments": "{}"},
            "extra_content": {"a": 1},
        },
    ]
    assert body["usage"]["completion_tokens"] == 0


async def test_finish_reason_and_usage_can_be_scripted() -> None:
    usage = {"completion_tokens": 7, "completion_tokens_details": None}
    body = (await answered(Script("x", finish_reason="length", usage=usage))).json
    assert body["choices"][0]["finish_reason"] == "length"
    assert body["usage"] == {"prompt_tokens": 2, "total_tokens": 3, **usage}


async def test_files_are_links_in_the_text_and_a_replacement_replaces() -> None:
    image = File(url="https://x.test/a", name="a", content_type="image/png")
    other = File(url="https://x.test/b", name="b", content_type="video/mp4")
    body = (await answered(Script("old", ReplaceResponse("new"), image, other))).json
    assert body["choices"][0]["message"]["content"] == "new\n\n![a](https://x.test/a)\n\nhttps://x.test/b"


@pytest.mark.parametrize(
    ("error_type", "status", "kind"),
    [
        (None, 500, "provider_error"),
        ("insufficient_fund", 402, "insufficient_credits"),
        ("user_message_too_long", 413, "request_too_large"),
        ("user_caused_error", 400, "invalid_request_error"),
    ],
)
async def test_an_error_event_is_an_http_error(error_type: str | None, status: int, kind: str) -> None:
    came = await answered(Script("x", ErrorEvent(text="No.", error_type=error_type)))
    assert (came.status, came.error["type"], came.error["message"]) == (status, kind, "No.")


async def test_garbage_and_cuts_are_the_whole_answer() -> None:
    assert (await answered(Script("x", b"<html>"))).body == b"<html>"
    with pytest.raises(ConnectionFailedError):
        await answered(Script("x", Cut()))


# ---- streamed


async def test_a_streamed_completion_has_a_role_text_a_reason_usage_and_an_end_mark() -> None:
    came = await answered(Script("Hello ", Text("you.")), stream=True, stream_options={"include_usage": True})
    assert came.headers["content-type"] == "text/event-stream"
    *given, usage, end = chunks(came)
    assert end == "[DONE]"
    assert (usage["choices"], usage["usage"]["total_tokens"]) == ([], 5)
    assert [chunk["choices"][0]["delta"] for chunk in given] == [
        {"role": "assistant", "content": ""},
        {"content": "Hello "},
        {"content": "you."},
        {},
    ]
    assert [chunk["choices"][0]["finish_reason"] for chunk in given] == [None, None, None, "stop"]
    assert {(chunk["object"], chunk["model"]) for chunk in given} == {("chat.completion.chunk", "GPT-5-mini")}
    assert len({chunk["id"] for chunk in given}) == 1


async def test_usage_is_streamed_only_when_it_is_asked_for() -> None:
    assert all("usage" not in chunk for chunk in chunks(await answered("x", stream=True)))


async def test_tool_calls_and_reasoning_stream_in_fragments() -> None:
    came = await answered(Script(Thought("hm"), CALL, ToolCall("now", pieces=1)), stream=True)
    assert {"reasoning": "hm", "reasoning_content": "hm"} in deltas(came)
    fragments = [delta["tool_calls"][0] for delta in deltas(came) if "tool_calls" in delta]
    assert [fragment["index"] for fragment in fragments] == [0, 0, 0, 0, 1, 1]
    assert "".join(fragment["function"]["arguments"] for fragment in fragments[:4]) == '{"city": "Paris"}'
    assert chunks(came)[-2]["choices"][0]["finish_reason"] == "tool_calls"


async def test_a_stream_can_lack_its_end_mark() -> None:
    came = await answered(Script("x", done=False), stream=True)
    assert chunks(came)[-1]["choices"][0]["finish_reason"] == "stop"


async def test_an_error_within_a_stream_ends_it() -> None:
    came = await answered(Script("x", ErrorEvent(text="No.")), stream=True)
    assert came.status == 200
    last = chunks(came)[-1]
    assert (last["error"]["type"], last["error"]["message"]) == ("provider_error", "No.")


async def test_odd_chunks_events_and_bytes_can_be_streamed() -> None:
    came = await answered(
        Script(Json({"choices": [{"delta": None}]}), Unknown("news", {"a": 1}), b"data: {\n\n"), stream=True
    )
    kinds = [(event.type, event.data) for event in SSEParser().feed(came.body)]
    assert ("news", '{"a": 1}') in kinds
    assert ("message", "{") in kinds
    assert json.loads(kinds[1][1])["choices"] == [{"delta": None}]


async def test_a_stream_can_be_cut_within_a_chunk() -> None:
    poe = FakePoe()
    poe.bot("m", Script("one", Cut("two")))
    body = json.dumps({"model": "m", "messages": [HI], "stream": True}).encode()
    headers = {"authorization": f"Bearer {KEY}"}
    response = await poe.transport().send(
        HttpRequest(method="POST", url="http://poe.test/v1/chat/completions", headers=headers, content=body)
    )
    stream = response.chunks()
    role, one, half = [await anext(stream) for _ in range(3)]
    with pytest.raises(ConnectionFailedError):
        await anext(stream)
    await response.aclose()
    assert role.endswith(b"\n\n")
    assert b'"one"' in one
    assert half.startswith(b"data: {")
    assert not half.endswith(b"\n\n")


# ---- requests


async def test_a_request_is_written_down_in_the_terms_of_the_protocol() -> None:
    poe = FakePoe()
    call = {"id": "1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    await complete(
        poe,
        messages=[
            {"role": "developer", "content": "Be terse."},
            {
                "role": "user",
                "content": [
                    {"type": "text", "text": "see"},
                    {"type": "image_url", "image_url": {"url": "https://x.test/a.png"}},
                    {"type": "file", "file": {"filename": "b.pdf", "file_data": "data:application/pdf;base64,eA=="}},
                    {"type": "input_audio", "input_audio": {}},
                ],
            },
            {"role": "assistant", "content": None, "tool_calls": [call]},
            {"role": "tool", "tool_call_id": "1", "content": "42"},
            {"role": "assistant", "content": "so"},
            HI,
        ],
        temperature=0.5,
        stop="END",
        tools=[{"type": "function"}],
        thinking_budget=100,
    )
    (made,) = poe.calls
    assert (made.surface, made.bot, made.text, made.key) == ("chat", "GPT-5-mini", "hi there", fingerprint(KEY))
    query = made.request
    assert [message.role for message in query.query] == ["system", "user", "bot", "tool", "bot", "user"]
    assert [(a.name, a.content_type) for a in query.query[1].attachments] == [
        ("image", "image/png"),
        ("b.pdf", "application/pdf"),
    ]
    assert query.query[1].content == "see"
    assert (query.query[2].message_type, json.loads(query.query[2].content)) == ("function_call", [call])
    assert json.loads(query.query[3].content) == [{"role": "tool", "name": "", "tool_call_id": "1", "content": "42"}]
    assert query.query[5].parameters == {"thinking_budget": 100}
    assert (query.temperature, query.stop_sequences, query.tools) == (0.5, ("END",), ({"type": "function"},))
    assert made.body["thinking_budget"] == 100


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ({"model": None}, "missing_parameter"),
        ({"messages": []}, "missing_parameter"),
        ({"messages": "hi"}, "invalid_parameter"),
        ({"model": 1}, "invalid_parameter"),
        ({"messages": [{"role": "bot", "content": "x"}]}, "invalid_parameter"),
        ({"messages": ["x"]}, "invalid_parameter"),
        ({"messages": [{"role": "user", "content": 1}]}, "invalid_parameter"),
        ({"messages": [{"role": "user", "content": [{"type": "song"}]}]}, "invalid_parameter"),
        ({"temperature": 2.1}, "invalid_parameter"),
        ({"temperature": True}, "invalid_parameter"),
        ({"n": 2}, "invalid_parameter"),
        ({"n": []}, "invalid_parameter"),
        ({"messages": [{"role": {}, "content": "x"}]}, "invalid_parameter"),
        ({"stop": " "}, "invalid_parameter"),
        ({"stop": ["x", "\n"]}, "invalid_parameter"),
        ({"tools": {}}, "invalid_parameter"),
    ],
)
async def test_what_poe_refuses_is_refused(wrong: dict[str, Any], code: str) -> None:
    came = await complete(FakePoe(), **wrong)
    assert (came.status, came.error["code"], came.error["type"]) == (400, code, "invalid_request_error")


async def test_a_body_that_is_not_json_is_a_bad_request() -> None:
    assert (await post(FakePoe(), "/v1/chat/completions", b"{")).status == 400


async def test_fields_that_poe_ignores_are_ignored() -> None:
    came = await complete(FakePoe(), seed=1, response_format={"type": "json_object"}, n=1, stop=None, temperature=2)
    assert came.status == 200


async def test_a_chat_needs_a_key_and_a_model_that_exists() -> None:
    poe = FakePoe(keys={"good"}, only_scripted=True)
    assert (await complete(poe)).error["type"] == "authentication_error"
    body = {"model": "nobody", "messages": [HI]}
    came = await post(poe, "/v1/chat/completions", body, key="Bearer good")
    assert (came.status, came.error["type"]) == (404, "not_found_error")


async def test_a_model_can_refuse_and_name_a_pause() -> None:
    came = await answered(http_error(429, retry_after=2.5), stream=True)
    assert (came.status, came.headers["retry-after"]) == (429, "2.5")


async def test_outages_and_points_are_those_of_the_bots() -> None:
    poe = FakePoe()
    poe.overloaded()
    assert (await complete(poe)).status == 529
    assert (await complete(poe)).status == 200
    assert [entry.bot_name for entry in poe.points] == ["GPT-5-mini"]


@pytest.mark.parametrize("stream", [False, True])
async def test_a_server_bot_can_stand_behind_a_model(stream: bool) -> None:
    bot = Bot("Mine")

    @bot.query
    async def handler(ctx: QueryContext) -> Answer:
        yield ctx.text.upper()
        if ctx.parameters:
            raise UserCausedError("No parameters, please.")

    poe = FakePoe()
    poe.bot("Mine", bot)
    came = await complete(poe, model="mine", stream=stream)
    if stream:
        assert "".join(delta.get("content", "") for delta in deltas(came)) == "HI THERE"
    else:
        assert came.json["choices"][0]["message"]["content"] == "HI THERE"
        assert (await complete(poe, model="mine", aspect="1:1")).status == 400
