"""From the objects of a chat completion to an answer: pure, and never put off by what is missing.

Chunks of a stream and whole completions go through the same code (reference: response; D-34 to D-59). What differs from
server to server: chunks without ``choices``, ``delta`` or ``content``, nulls in their place, reasoning under two names,
content as a list of parts, ``usage`` on the last chunk with content, on one of its own, on all of them, or nowhere.
"""

from __future__ import annotations

from typing import Any

from ..client import ToolCallAccumulator
from ..protocol import ToolCall
from ._results import ChatDelta
from ._token_usage import TokenUsage

_NOT_OF_THE_WHOLE = {"choices", "usage", "object"}


class ChatAccumulator:
    """One completion as it adds up. ``model`` and ``finish_reason`` are ``""`` and None until they come."""

    def __init__(self) -> None:
        self.model = ""
        self.finish_reason: str | None = None
        self._text: list[str] = []
        self._thoughts: list[str] = []
        self._calls = ToolCallAccumulator()
        self._usage: dict[str, Any] | None = None
        self._envelope: dict[str, Any] = {}

    @property
    def text(self) -> str:
        return "".join(self._text)

    @property
    def thoughts(self) -> str:
        return "".join(self._thoughts)

    @property
    def calls(self) -> tuple[ToolCall, ...]:
        """The calls of tools, under the names they came with."""
        return self._calls.calls

    @property
    def is_empty(self) -> bool:
        """Whether nothing of an answer came: no text, no thoughts, no calls, no reason why it finished."""
        return not (self._text or self._thoughts or self._calls.any or self.finish_reason)

    @property
    def usage(self) -> TokenUsage:
        """What the last ``usage`` said; an estimate where it cannot be right, or never came."""
        said_something = bool(self._text or self._thoughts or self._calls.any)
        return TokenUsage.from_wire(self._usage, said_something=said_something)

    def feed(self, chunk: Any) -> ChatDelta | None:
        """Take in a chunk of a stream, or a whole completion; None when it adds nothing."""
        if not isinstance(chunk, dict):
            return None
        if not self._envelope:
            self._envelope = {name: value for name, value in chunk.items() if name not in _NOT_OF_THE_WHOLE}
        json: dict[str, Any] = {}
        if not self.model and isinstance(model := chunk.get("model"), str) and model:
            self.model = json["model"] = model
        text = thoughts = ""
        choices = chunk.get("choices")
        if isinstance(choices, list) and choices and isinstance(choice := choices[0], dict):
            text, thoughts = self._take(choice)
        if isinstance(usage := chunk.get("usage"), dict):
            self._usage = usage
            json["usage"] = self.usage.to_dict()
        return ChatDelta(text, thoughts=thoughts, json=json) if text or thoughts or json else None

    def _take(self, choice: dict[str, Any]) -> tuple[str, str]:
        """The text and the thoughts that a choice adds."""
        if isinstance(reason := choice.get("finish_reason"), str) and reason:
            self.finish_reason = reason
        delta = choice.get("delta")
        if not isinstance(delta, dict):
            delta = choice.get("message")
            if not isinstance(delta, dict):
                return "", ""
        if delta.get("tool_calls"):
            self._calls.add(delta["tool_calls"])
        text = _content(delta.get("content")) or _text(delta.get("refusal"))
        # Under both names it is the same text.
        thoughts = _text(delta.get("reasoning")) or _text(delta.get("reasoning_content"))
        if text:
            self._text.append(text)
        if thoughts:
            self._thoughts.append(thoughts)
        return text, thoughts

    def message(self) -> dict[str, Any]:
        """The message as it is sent back in later turns, with the members of calls that nobody here knows."""
        message: dict[str, Any] = {"role": "assistant", "content": self.text}
        if calls := self.calls:
            message["tool_calls"] = [call.to_wire() for call in calls]
        return message

    def body(self) -> dict[str, Any]:
        """The completion that a stream amounts to, in the form of one that was not streamed."""
        message = self.message()
        if self._thoughts:
            message["reasoning"] = self.thoughts
        choice = {"index": 0, "message": message, "finish_reason": self.finish_reason}
        usage = {"usage": self._usage} if self._usage is not None else {}
        return {**self._envelope, "object": "chat.completion", "choices": [choice], **usage}


def _content(value: Any) -> str:
    """A text, or the texts of a list of parts."""
    if isinstance(value, list):
        return "".join(_text(part.get("text")) for part in value if isinstance(part, dict))
    return _text(value)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
