"""Recorded calls of Poe's chat completions: each is built as it was, and read as it came, whole and streamed."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from poe_asgi.chat import ChatResult
from poe_asgi.errors import UpstreamError
from tests.chat.support import DONE, Answers, data, merged, model, stream

pytestmark = pytest.mark.asyncio

FOLDER = Path(__file__).parents[2] / "../shared/fixtures/poe-api-recordings"
ENDPOINT = "/v1/chat/completions"
OF_THE_CALL = ("model", "messages", "tools", "tool_choice", "stream")


@cache
def recordings() -> dict[str, dict[str, Any]]:
    """Those of this endpoint by the names of their files, which mean nothing else here."""
    found = {path.stem: json.loads(path.read_text()) for path in sorted(FOLDER.glob("*.json"))}
    return {name: each for name, each in found.items() if isinstance(each, dict) and each.get("endpoint") == ENDPOINT}


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "recorded" in metafunc.fixturenames:
        absent = pytest.mark.skip(reason="there is no folder of recordings beside this project")
        found = [pytest.param(each, id=name) for name, each in recordings().items()]
        metafunc.parametrize("recorded", found or [pytest.param({}, marks=absent)])


async def ask(request: dict[str, Any], app: Any, *, streaming: bool) -> ChatResult:
    """The call that someone makes who wants this request."""
    inputs = {name: request[name] for name in ("tools", "tool_choice") if name in request}
    options = {name: value for name, value in request.items() if name not in OF_THE_CALL}
    asked = model(app, model=request["model"], model_options=options)
    if streaming:
        return await asked.stream(request["messages"], **inputs).read()
    result: ChatResult = await asked.invoke(request["messages"], **inputs)
    return result


def played(recorded: dict[str, Any]) -> Answers:
    response = recorded["response"]
    return Answers((response["status"], response["headers"], [json.dumps(response["body"]).encode()]))


def message_of(recorded: dict[str, Any]) -> dict[str, Any]:
    if recorded["response"]["status"] != 200:
        pytest.skip("this call was refused")
    message: dict[str, Any] = recorded["response"]["body"]["choices"][0]["message"]
    return message


async def test_the_request_is_the_recorded_one_field_by_field(recorded: dict[str, Any]) -> None:
    app = played(recorded)
    request = {name: value for name, value in recorded["request"].items() if name not in {"stream", "stream_options"}}
    try:
        await ask(request, app, streaming=False)
    except UpstreamError:
        assert recorded["response"]["status"] != 200
    assert app.bodies == [request]
    app = played(recorded)
    try:
        await ask(request, app, streaming=True)
    except UpstreamError:
        assert recorded["response"]["status"] != 200
    assert app.bodies == [{**request, "stream": True, "stream_options": {"include_usage": True}}]


async def test_the_answer_has_what_was_recorded(recorded: dict[str, Any]) -> None:
    body, message = recorded["response"]["body"], message_of(recorded)
    result = await ask(recorded["request"], played(recorded), streaming=False)
    assert result.text == (message.get("content") or "")
    assert result.thoughts == (message.get("reasoning") or message.get("reasoning_content") or "")
    assert [call.to_wire() for call in result.tool_calls] == (message.get("tool_calls") or [])
    assert [file.url for file in result.files] == urls_alone_on_a_line(result.text)
    assert result.finish_reason == body["choices"][0]["finish_reason"]
    assert (result.model, result.raw, result.complete) == (body["model"], body, True)
    usage = body["usage"]
    assert (result.usage.input_tokens, result.usage.output_tokens) == (
        usage["prompt_tokens"],
        usage["completion_tokens"],
    )
    assert result.usage.cached_tokens == (usage.get("prompt_tokens_details") or {}).get("cached_tokens")
    assert result.usage.reasoning_tokens == (usage.get("completion_tokens_details") or {}).get("reasoning_tokens")
    assert result.usage.is_estimate == (not usage["completion_tokens"] or not usage["prompt_tokens"])
    assert result.messages[-1] == {
        "role": "assistant",
        "content": result.text,
        **({"tool_calls": message["tool_calls"]} if message.get("tool_calls") else {}),
    }


def urls_alone_on_a_line(text: str) -> list[str]:
    """Links to Poe's files, each once."""
    lines = (
        re.fullmatch(r"(?:!\[.*\]\()?(https://[^\s)]*poecdn\.net/[^\s)]*)\)?", line.strip())
        for line in text.split("\n")
    )
    return list(dict.fromkeys(line[1] for line in lines if line))


@pytest.mark.parametrize("size", [1, 7, 10_000])
@pytest.mark.parametrize("usage_alone", [True, False])
async def test_cut_into_a_stream_it_is_the_same_answer(recorded: dict[str, Any], size: int, usage_alone: bool) -> None:
    message_of(recorded)
    in_one_piece = await ask(recorded["request"], played(recorded), streaming=False)
    sent = b"".join(chunks(recorded["response"]["body"], size, usage_alone=usage_alone))
    cuts = [sent[start : start + 1000 * size + 3] for start in range(0, len(sent), 1000 * size + 3)]
    result = await ask(recorded["request"], Answers(stream(*cuts)), streaming=True)
    assert result == in_one_piece
    assert result.messages == in_one_piece.messages
    answer = model(Answers(stream(*cuts)), model=recorded["request"]["model"]).stream("hi")
    text, thoughts, _ = merged([delta async for delta in answer])
    assert (text, thoughts) == (in_one_piece.text, in_one_piece.thoughts)


def chunks(body: dict[str, Any], size: int, *, usage_alone: bool) -> Iterator[bytes]:
    """The events of a stream that says the same."""
    envelope = {"id": body["id"], "object": "chat.completion.chunk", "created": body["created"], "model": body["model"]}
    (choice,) = body["choices"]
    message = choice["message"]

    def event(delta: dict[str, Any], finish: str | None = None, **more: Any) -> bytes:
        return data({**envelope, "choices": [{"index": 0, "delta": delta, "finish_reason": finish}], **more})

    yield event({"role": "assistant", "content": ""})
    names = [name for name in ("reasoning", "reasoning_content") if message.get(name)]
    for piece in pieces(message[names[0]] if names else "", size):
        yield event(dict.fromkeys(names, piece))
    for piece in pieces(message.get("content") or "", size):
        yield event({"content": piece})
    for index, call in enumerate(message.get("tool_calls") or ()):
        function = call["function"]
        yield event({"tool_calls": [{**call, "index": index, "function": {**function, "arguments": ""}}]})
        for piece in pieces(function["arguments"], size):
            yield event({"tool_calls": [{"index": index, "function": {"arguments": piece}}]})
    usage = {"usage": body["usage"]}
    yield event({}, choice["finish_reason"], **({} if usage_alone else usage))
    if usage_alone:
        yield data({**envelope, "choices": [], **usage})
    yield DONE


def pieces(text: str, size: int) -> Iterator[str]:
    for start in range(0, len(text), size):
        yield text[start : start + size]


async def test_there_are_answers_with_thoughts_calls_signatures_and_files_among_them() -> None:
    if not recordings():
        pytest.skip("there is no folder of recordings beside this project")
    results = [
        await ask(each["request"], played(each), streaming=False)
        for each in recordings().values()
        if each["response"]["status"] == 200
    ]
    assert any(result.thoughts for result in results)
    assert any(result.files for result in results)
    assert any(call.extra for result in results for call in result.tool_calls)
