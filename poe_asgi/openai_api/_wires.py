"""What a bot says, as a chat completion: whole, or in chunks.

A text that was sent cannot be taken back. So a `replace_response` waits: if it says what was said already, and more,
the rest is sent; if not, the answer starts again after a rule, in a chunk that is marked. As long as nothing was sent,
and in the form that does not stream, the answer is what a user at Poe would see.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from ..protocol import ErrorEvent, File, Meta
from ._errors import ApiError
from ._requests import Completion

RESTART = "\n\n---\n\n"

_CHARACTERS_PER_TOKEN = 4


class CompletionWire:
    """An answer as it adds up, given as one object when it has ended.

    ``opened`` says that the answer has begun to leave; ``failure`` is what is answered instead, if it has not.
    """

    media_type = "application/json"

    def __init__(self, completion: Completion) -> None:
        self._completion = completion
        self._created = int(time.time())
        self._text: list[str] = []  # what the user would see
        self._files: list[File] = []
        self._replies: list[str] = []
        self._calls: list[dict[str, Any]] = []  # chunks with calls of tools, or parts of them
        self._error: ErrorEvent | None = None
        self._done = False
        self._over = False  # and taken
        self.opened = False
        self.failure: ApiError | None = None

    # ---- what is said

    def meta(self, meta: Meta) -> None:
        """There is no place for it."""

    def text(self, kind: str, text: str) -> None:
        if kind == "suggested_reply":
            self._replies.append(text)
        elif kind == "replace_response":
            self._text = [text]
        else:
            self._text.append(text)

    def event(self, kind: str, data: Mapping[str, Any]) -> None:
        if kind == "file":
            self._files.append(File(**data))

    def json(self, data: Mapping[str, Any], /) -> bool:
        if not _has_calls(data):
            return False
        self._calls.append(dict(data))
        return True

    def error(self, error: ErrorEvent) -> None:
        self._error = error

    def done(self) -> None:
        self._done = True

    def take(self) -> bytes:
        if self._over or not self._done:
            return b""
        self._over = True
        error = self._failed()
        if error is not None:
            self.failure = error
            return _dumped(error.body)
        content = "".join([*self._text, *self._at_the_end()])
        message = {"role": "assistant", "content": content, **self._extras()}
        if self._calls:
            message["tool_calls"] = self._tool_calls()
        choice = {"index": 0, "message": message, "finish_reason": self._finish_reason}
        whole = self._object("chat.completion", choices=[choice], usage=self._usage())
        return _dumped(whole)

    # ---- inside

    def _failed(self) -> ApiError | None:
        """The error that it ended with; a text that grew too long is no error here."""
        if self._error is None or self._is_cut:
            return None
        return ApiError.of_answer(self._error)

    @property
    def _is_cut(self) -> bool:
        return self._error is not None and self._error.rule == "text-limit"

    @property
    def _finish_reason(self) -> str:
        if self._is_cut:
            return "length"
        return "tool_calls" if self._calls else "stop"

    def _at_the_end(self) -> list[str]:
        """The files as Markdown: shown, linked, or where the text refers to them, the addresses of the references."""
        shown = [_markdown(file) for file in self._files if file.inline_ref is None]
        defined = [f"[{file.inline_ref}]: {_address(file)}" for file in self._files if file.inline_ref is not None]
        said = any(self._text)
        return [f"\n\n{each}" if said or number else each for number, each in enumerate([*shown, *defined])]

    def _tool_calls(self) -> list[dict[str, Any]]:
        """The calls, put together from what came."""
        from ..client import ToolCallAccumulator  # where calls come from, this is there already

        calls = ToolCallAccumulator()
        for chunk in self._calls:
            calls.feed(chunk)
        return [call.to_wire() for call in calls.calls]

    def _extras(self) -> dict[str, Any]:
        """Members that this API does not have."""
        files = [{"url": file.url, "name": file.name, "content_type": file.content_type} for file in self._files]
        extras = {"files": files, "suggested_replies": self._replies}
        return {name: value for name, value in extras.items() if value}

    def _usage(self) -> dict[str, Any]:
        sent = sum(len(message.content) for message in self._completion.query.query)
        prompt, completion = _tokens(sent), _tokens(sum(map(len, self._text)))
        counts = {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion}
        return {**counts, "is_estimate": True}

    def _object(self, kind: str, **members: Any) -> dict[str, Any]:
        head = {"id": self._completion.id, "object": kind, "created": self._created, "model": self._completion.model}
        return head | members


class ChunkWire(CompletionWire):
    """The same in chunks, and ``[DONE]`` at the end."""

    media_type = "text/event-stream"

    def __init__(self, completion: Completion) -> None:
        super().__init__(completion)
        self._begun = False  # there was a chunk
        self._replaced = False  # since the last chunk
        self._fresh: list[str] = []  # text since then
        self._shown: list[str] = []  # what was sent since the answer last started

    def text(self, kind: str, text: str) -> None:
        super().text(kind, text)
        if kind == "replace_response":
            self._replaced = True
            self._fresh.clear()
        elif kind == "text" and text:
            self._fresh.append(text)

    def take(self) -> bytes:
        if self._over:
            return b""
        self._over = self._done
        error = self._failed()
        if error is not None and not self.opened:
            self.failure = error
            return _dumped(error.body)
        chunks: list[dict[str, Any]] = []
        if (self._fresh and not self._ends_in_half()) or ((self._fresh or self._replaced) and self._done):
            chunks += self._say()
        if self._done:
            chunks += self._end(error)
        if not chunks:
            return b""
        lines = [b"data: %b\n\n" % _dumped(chunk) for chunk in chunks]
        if self._done:
            lines.append(b"data: [DONE]\n\n")
        return b"".join(lines)

    def _ends_in_half(self) -> bool:
        """Whether the text stops within a surrogate pair, whose other half may follow."""
        return "\ud800" <= self._fresh[-1][-1] <= "\udbff"

    def _say(self) -> list[dict[str, Any]]:
        """The text that is new, and a start from anew when what was sent is no longer true."""
        added, marks = "".join(self._fresh), {}
        if self._replaced:
            before, now = "".join(self._shown), "".join(self._text)
            added = now[len(before) :]
            if not now.startswith(before):
                added, marks = RESTART + now, {"restart": True}
            self._shown = [now]
        else:
            self._shown.append(added)
        self._replaced = False
        self._fresh.clear()
        return [self._delta({"content": added, **marks})] if added else []

    def _end(self, error: ApiError | None) -> list[dict[str, Any]]:
        if error is not None:
            return [error.body]
        chunks = [self._delta({"content": text}) for text in self._at_the_end()]
        if self._calls:
            calls = [{"index": index, **call} for index, call in enumerate(self._tool_calls())]
            chunks.append(self._delta({"tool_calls": calls}))
        chunks.append(self._delta(self._extras(), self._finish_reason))
        if self._completion.include_usage:
            chunks.append(self._object("chat.completion.chunk", choices=[], usage=self._usage()))
        return chunks

    def _delta(self, delta: dict[str, Any], finish_reason: str | None = None) -> dict[str, Any]:
        if not self._begun:
            self._begun = True
            delta = {"role": "assistant", "content": "", **delta}
        choice = {"index": 0, "delta": delta, "finish_reason": finish_reason}
        return self._object("chat.completion.chunk", choices=[choice])


def _dumped(value: Mapping[str, Any]) -> bytes:
    """JSON in ASCII that strict readers take: the halves of a surrogate pair are joined, one alone becomes U+FFFD."""
    text = json.dumps(value)
    if "\\ud" in text:
        whole = json.dumps(value, ensure_ascii=False).encode("utf-16-le", "surrogatepass")
        text = json.dumps(json.loads(whole.decode("utf-16-le", "replace")))
    return text.encode("ascii")


def _tokens(characters: int) -> int:
    return -(-characters // _CHARACTERS_PER_TOKEN)


def _markdown(file: File) -> str:
    return f"!{file.markdown}" if file.content_type.startswith("image/") else file.markdown


def _address(file: File) -> str:
    """The URL, where white space would end it."""
    return quote(file.url, safe="%!#$&'()*+,/:;=?@[]~", errors="replace")


def _has_calls(data: Mapping[str, Any]) -> bool:
    match data:
        case {"choices": [{"delta": {"tool_calls": [_, *_]}}, *_]}:
            return True
    return False
