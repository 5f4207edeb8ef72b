"""The OpenAI-compatible API: ``POST /v1/chat/completions`` (reference: request fields, response, errors)."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from ..protocol import ErrorEvent, File, Json, ReplaceResponse, Text, Unknown
from ._asgi import HttpAnswer, Incoming, Streamed, json_answer
from ._chat_requests import chat_query, wants
from ._errors import http_error
from ._play import CutError, Play, performed, simple
from ._records import Call
from ._script import Cut, Script, Step, Thought, ToolCall
from ._state import State

_HEADERS = {"openai-processing-ms": "1", "openai-version": "2020-10-01"}
_STATUSES = {"insufficient_fund": 402, "user_message_too_long": 413, "user_caused_error": 400}


async def chat(state: State, request: Incoming) -> HttpAnswer | Streamed:
    """One chat completion, whole or streamed."""
    body, query = chat_query(request.body)
    call = state.note("chat", body["model"], query, body, request)
    refused = state.refusal("chat", key_accepted=call.key_accepted)
    if refused is not None:
        return refused
    if state.is_unknown(call.bot):
        return http_error(404, f"There is no model {body['model']}.")
    state.bill(call)
    answer = await state.answer(call)
    if isinstance(answer, HttpAnswer):
        return answer
    completion = _Completion(call, body["model"], answer.script)
    if wants(body, "stream"):
        return Streamed(performed(answer, _ChatVoice(completion)), _HEADERS)
    return await _whole(answer, completion)


@dataclass(slots=True)
class _Completion:
    """One answer, as it adds up."""

    call: Call
    model: str  # as requested, case kept
    script: Script
    id: str = field(default_factory=lambda: f"chatcmpl-{uuid4().hex[:24]}")
    created: int = field(default_factory=lambda: int(time.time()))
    text: str = ""
    thoughts: str = ""
    tool_calls: list[ToolCall] = field(default_factory=list)
    failed: ErrorEvent | None = None

    def take(self, step: Step) -> str:
        """Add a step. Gives the text that it adds."""
        added = ""
        match step:
            case str(text) | Text(text):
                added = text
            case ReplaceResponse(text):
                self.text, added = "", text
            case File(url=url, name=name, content_type=content_type):
                link = f"![{name}]({url})" if content_type.startswith("image/") else url
                added = f"\n\n{link}" if self.text else link
            case Thought(text):
                self.thoughts += text
            case ToolCall():
                self.tool_calls.append(step)
            case ErrorEvent():
                self.failed = self.failed or step
        self.text += added
        return added

    @property
    def finish_reason(self) -> str:
        return self.script.finish_reason or ("tool_calls" if self.tool_calls else "stop")

    @property
    def usage(self) -> dict[str, Any]:
        """Estimates; as in what Poe sends, an answer that calls tools counts no tokens."""
        sent = sum(len(message.content) for message in self.call.request.query)
        said = 0 if self.tool_calls else len(self.text) + len(self.thoughts)
        prompt, completion = -(-sent // 4), -(-said // 4)
        usage = {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion}
        return usage | dict(self.script.usage)

    def object(self, kind: str, **members: Any) -> dict[str, Any]:
        return {"id": self.id, "object": kind, "created": self.created, "model": self.model, **members}


async def _whole(play: Play, completion: _Completion) -> HttpAnswer:
    raw = b""
    async with aclosing(simple(play.steps)) as steps:
        async for step in steps:
            if isinstance(step, Cut):
                raise CutError("The script cuts the connection here.")
            if isinstance(step, bytes):
                raw += step
            completion.take(step)
    if raw:
        return HttpAnswer(body=raw, headers=_HEADERS)
    if completion.failed is not None:
        return http_error(_STATUSES.get(completion.failed.error_type or "", 500), completion.failed.text)
    message: dict[str, Any] = {"role": "assistant", "content": completion.text}
    if completion.thoughts:
        message |= _reasoning(completion.thoughts)
    if completion.tool_calls:
        message["tool_calls"] = [call.whole() for call in completion.tool_calls]
    choice = {"index": 0, "message": message, "finish_reason": completion.finish_reason}
    return json_answer(completion.object("chat.completion", choices=[choice], usage=completion.usage), headers=_HEADERS)


class _ChatVoice:
    """Chunks of a completion."""

    def __init__(self, completion: _Completion) -> None:
        self._completion = completion

    def opening(self) -> Iterator[bytes]:
        yield self._delta({"role": "assistant", "content": ""})

    def say(self, step: Step) -> Iterator[bytes]:
        number = len(self._completion.tool_calls)
        added = self._completion.take(step)
        match step:
            case Thought(text):
                yield self._delta(_reasoning(text))
            case ToolCall():
                for fragment in step.fragments(number):
                    yield self._delta({"tool_calls": [fragment]})
            case Json(data):
                yield _data(self._completion.object("chat.completion.chunk") | dict(data))
            case Unknown(kind, data):
                yield f"event: {kind}\n".encode() + _data(data)
            case ErrorEvent(text=text, error_type=error_type):
                yield http_error(_STATUSES.get(error_type or "", 500), text).body.join([b"data: ", b"\n\n"])
            case _ if added:
                yield self._delta({"content": added})

    def closing(self, *, done: bool) -> Iterator[bytes]:
        if self._completion.failed is not None:
            return
        yield self._delta({}, self._completion.finish_reason)
        if wants(self._completion.call.body, "stream_options", "include_usage"):
            yield _data(self._completion.object("chat.completion.chunk", choices=[], usage=self._completion.usage))
        if done:
            yield b"data: [DONE]\n\n"

    def _delta(self, delta: Mapping[str, Any], finish_reason: str | None = None) -> bytes:
        choice = {"index": 0, "delta": delta, "finish_reason": finish_reason}
        return _data(self._completion.object("chat.completion.chunk", choices=[choice]))


def _reasoning(text: str) -> dict[str, str]:
    return {"reasoning": text, "reasoning_content": text}


def _data(value: Any) -> bytes:
    return b"data: " + json.dumps(value).encode("ascii") + b"\n\n"
