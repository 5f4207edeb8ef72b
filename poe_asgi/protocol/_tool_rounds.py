"""Calls of tools, their results, and rounds of both (reference: tools over the bot query API)."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass, field
from typing import Any

from ._messages import Message

_NOT_ALLOWED = re.compile("[^A-Za-z0-9_]")
_LONGEST_NAME = 64


def wire_name(name: str) -> str:
    """A tool's name as every provider accepts it: ASCII letters, digits and ``_``, 64 at most."""
    return _NOT_ALLOWED.sub("_", name)[:_LONGEST_NAME] or "_"


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A model asks for a tool.

    ``arguments`` is JSON as the model wrote it: it may be empty, or no JSON at all. ``extra`` holds members of the call
    that this version does not know, ``function_extra`` those of its ``function``; both are sent back unchanged, for
    some models refuse a conversation that lost them (``extra_content`` with thought signatures).
    """

    name: str
    arguments: str = ""
    _: KW_ONLY
    id: str = ""
    type: str = "function"
    extra: Mapping[str, Any] = field(default_factory=dict, hash=False)
    function_extra: Mapping[str, Any] = field(default_factory=dict, hash=False)

    def answered(self, content: str) -> ToolResult:
        """``content`` as the result of this call."""
        return ToolResult(content, name=self.name, call_id=self.id)

    def to_wire(self) -> dict[str, Any]:
        """The call as it is sent back.

        The name is cleaned. Arguments that are no JSON object go as ``{}``: whoever parses them on the way to the model
        would fail the whole query, and the result of such a call says what was wrong.
        """
        arguments = self.arguments if _is_object(self.arguments) else "{}"
        function = {"name": wire_name(self.name), "arguments": arguments, **self.function_extra}
        return {"id": self.id, "type": self.type, "function": function, **self.extra}

    @classmethod
    def from_wire(cls, raw: Any) -> ToolCall | None:
        """A whole call, or None when this is none: without a name there is nothing to call."""
        function = raw.get("function") if isinstance(raw, Mapping) else None
        if not isinstance(function, Mapping) or not _text(function, "name"):
            return None
        return cls(
            _text(function, "name"),
            _text(function, "arguments"),
            id=_text(raw, "id"),
            type=_text(raw, "type") or "function",
            extra={key: value for key, value in raw.items() if key not in {"id", "type", "function"}},
            function_extra={key: value for key, value in function.items() if key not in {"name", "arguments"}},
        )


@dataclass(frozen=True, slots=True)
class ToolResult:
    """What a tool gave: ``content`` is the text the model reads, ``call_id`` the id of the call."""

    content: str
    _: KW_ONLY
    name: str
    call_id: str

    def to_wire(self) -> dict[str, Any]:
        """The result as it is sent."""
        return {"role": "tool", "name": wire_name(self.name), "tool_call_id": self.call_id, "content": self.content}

    @classmethod
    def from_wire(cls, raw: Any) -> ToolResult | None:
        """A result, or None when this is none."""
        if not isinstance(raw, Mapping) or not isinstance(raw.get("content"), str):
            return None
        return cls(raw["content"], name=_text(raw, "name"), call_id=_text(raw, "tool_call_id"))


@dataclass(frozen=True, slots=True)
class ToolRound:
    """The calls a model made at once, and their results."""

    calls: tuple[ToolCall, ...]
    results: tuple[ToolResult, ...]

    def messages(self) -> tuple[Message, Message]:
        """The round as two messages of a conversation: a bot's with the calls, and one of role ``tool``.

        What the model said beside its calls is not among them, as in Poe's own examples: it stands in the answer.
        """
        wire = self.to_wire()
        return (
            Message("bot", json.dumps(wire["calls"]), message_type="function_call"),
            Message("tool", json.dumps(wire["results"])),
        )

    def to_wire(self) -> dict[str, Any]:
        """The round in plain JSON types."""
        return {"calls": [each.to_wire() for each in self.calls], "results": [each.to_wire() for each in self.results]}

    @classmethod
    def from_wire(cls, raw: Any) -> ToolRound | None:
        """A round, or None when this is none. What is wrong in it is left out."""
        if not isinstance(raw, Mapping) or not all(isinstance(raw.get(key), list) for key in ("calls", "results")):
            return None
        calls = tuple(each for each in map(ToolCall.from_wire, raw["calls"]) if each is not None)
        results = tuple(each for each in map(ToolResult.from_wire, raw["results"]) if each is not None)
        return cls(calls, results) if calls else None


def _is_object(text: str) -> bool:
    try:
        return isinstance(json.loads(text), dict)
    except (ValueError, RecursionError):
        return False


def _text(raw: Mapping[str, Any], key: str) -> str:
    value = raw.get(key)
    return value if isinstance(value, str) else ""
