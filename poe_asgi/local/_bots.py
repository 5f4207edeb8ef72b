"""The bot query API: ``POST /bot/{name}``."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import fields
from typing import Any
from urllib.parse import unquote

from ..errors import RequestError
from ..protocol import (
    Data,
    Done,
    ErrorEvent,
    File,
    Json,
    Meta,
    QueryRequest,
    ReplaceResponse,
    SuggestedReply,
    Text,
    Unknown,
    parse_json_object,
    parse_request,
)
from ._asgi import HttpAnswer, Incoming, Streamed
from ._errors import http_error
from ._play import Play, as_steps, performed
from ._script import Script, Step, ToolCall
from ._state import State


async def query(state: State, request: Incoming, name: str) -> HttpAnswer | Streamed:
    """One query to one bot."""
    try:
        body = parse_json_object(request.body)
        parsed = parse_request(body)
    except RequestError as exc:
        return http_error(400, str(exc))
    if not isinstance(parsed, QueryRequest):
        return http_error(400, "Only queries can be sent to a bot.")
    call = state.note("bot", unquote(name), parsed, body, request)
    refused = state.refusal("bot", key_accepted=call.key_accepted)
    if refused is not None:
        return refused
    if state.is_unknown(call.bot):
        return http_error(404, f"There is no bot named {call.bot}.")
    undeclared = state.undeclared(call)
    if undeclared is not None:
        return Streamed(performed(Play(as_steps([undeclared]), Script()), _BotVoice(Script())))
    state.bill(call)
    answer = await state.answer(call)
    if isinstance(answer, HttpAnswer):
        return answer
    return Streamed(performed(answer, _BotVoice(answer.script)))


class _BotVoice:
    """Frames of the Poe protocol."""

    def __init__(self, script: Script) -> None:
        self._script = script
        self._tool_calls = 0

    def opening(self) -> Iterator[bytes]:
        if self._script.meta is not None:
            yield from self.say(self._script.meta)

    def say(self, step: Step) -> Iterator[bytes]:
        match step:
            case str(text):
                yield _frame("text", {"text": text})
            case Text(text) | ReplaceResponse(text) | SuggestedReply(text):
                yield _frame(step.kind, {"text": text})
            case Data(metadata):
                yield _frame("data", {"metadata": metadata})
            case Meta() | File() | ErrorEvent():
                members = {each.name: getattr(step, each.name) for each in fields(step)}
                yield _frame(step.kind, {name: value for name, value in members.items() if value is not None})
            case Done():
                yield _frame("done", {})
            case Json(data):
                yield _frame("json", data)
            case Unknown(kind, data):
                yield _frame(kind, data)
            case ToolCall():
                for fragment in step.fragments(self._tool_calls):
                    yield _frame("json", _chunk({"tool_calls": [fragment]}))
                self._tool_calls += 1

    def closing(self, *, done: bool) -> Iterator[bytes]:
        if self._tool_calls:
            yield _frame("json", _chunk({}, "tool_calls"))
        if done:
            yield _frame("done", {})


def _chunk(delta: dict[str, Any], finish_reason: str | None = None) -> dict[str, Any]:
    return {"choices": [{"index": 0, "delta": delta, "finish_reason": finish_reason}]}


def _frame(kind: str, data: Any) -> bytes:
    return f"event: {kind}\r\ndata: {json.dumps(data)}\r\n\r\n".encode()
