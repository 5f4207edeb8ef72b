"""From OpenAI-style chunks to whole calls of tools: a pure accumulator.

What models and the layers before them send differs: calls in fragments or whole, interleaved, without an index, all
with the index 0 and told apart by their ids only, with nulls, with members of a provider's own that come alone. Nothing
that comes raises.
"""

from __future__ import annotations

import json
from typing import Any

from ..protocol import ToolCall

_LONGEST_NAME = (
    1000  # that is kept; no tool has such a name, and one that comes for ever would be put together for ever
)


class ToolCallAccumulator:
    """Feed it chunks; ``calls`` are the calls so far, ``finish_reason`` the last one that was given."""

    def __init__(self) -> None:
        self.finish_reason: str | None = None
        self._slots: list[_Slot] = []
        self._by_index: dict[int, _Slot] = {}
        self._by_id: dict[str, _Slot] = {}  # the first one of each id

    @property
    def calls(self) -> tuple[ToolCall, ...]:
        """The calls, by their index. What never got a name is no call and not among them."""
        return tuple(slot.call() for slot in sorted(self._slots, key=lambda slot: slot.index) if slot.name)

    @property
    def any(self) -> bool:
        """Whether there are calls; cheaper to know than the calls."""
        return any(slot.name for slot in self._slots)

    def feed(self, chunk: Any) -> str:
        """Take in a chunk, and give the text it holds for the user, often ``""``."""
        choices = chunk.get("choices") if isinstance(chunk, dict) else None
        choice = choices[0] if isinstance(choices, list) and choices else None
        if not isinstance(choice, dict):
            return ""
        self.finish_reason = _text(choice.get("finish_reason")) or self.finish_reason
        delta = choice.get("delta")
        if not isinstance(delta, dict):
            return ""
        self.add(delta.get("tool_calls"))
        return _text(delta.get("content"))

    def add(self, fragments: Any) -> None:
        """Take in the ``tool_calls`` of a delta, or of a whole message."""
        for fragment in fragments if isinstance(fragments, list) else ():
            if isinstance(fragment, dict):
                slot = self._slot_of(fragment)
                slot.extend(fragment)
                if slot.id:
                    self._by_id.setdefault(slot.id, slot)

    def _slot_of(self, fragment: dict[str, Any]) -> _Slot:
        """The call that a fragment belongs to: by its index, by its id, or because nothing says otherwise."""
        index, id_ = fragment.get("index"), _text(fragment.get("id"))
        if type(index) is int:
            slot = self._by_index.get(index)
            if slot is None or not id_ or id_ == slot.id or not slot.id:
                return slot or self._new(index)
            return self._by_id.get(id_) or self._new(index)
        if id_:
            return self._by_id.get(id_) or self._new()
        function = fragment.get("function")
        if self._slots and not (isinstance(function, dict) and _text(function.get("name"))):
            return self._slots[-1]
        return self._new()

    def _new(self, index: int | None = None) -> _Slot:
        slot = _Slot(len(self._slots) if index is None else index)
        self._slots.append(slot)
        if index is not None:
            self._by_index[index] = slot
        return slot


class _Slot:
    """One call being put together."""

    def __init__(self, index: int) -> None:
        self.index = index
        self.id = ""
        self.type = "function"
        self.name = ""
        self.arguments: list[str] = []
        self.extra: dict[str, Any] = {}
        self.function_extra: dict[str, Any] = {}

    def extend(self, fragment: dict[str, Any]) -> None:
        id_ = _text(fragment.get("id"))
        repeated = id_ != "" and id_ == self.id
        self.id = id_ or self.id
        self.type = _text(fragment.get("type")) or self.type
        _keep(self.extra, fragment, known={"index", "id", "type", "function"})
        function = fragment.get("function")
        if not isinstance(function, dict):
            return
        name = _text(function.get("name"))
        if not (repeated and name == self.name):  # a server that repeats the id repeats the name, too
            self.name = (self.name + name)[:_LONGEST_NAME]
        arguments = function.get("arguments")
        self.arguments.append(json.dumps(arguments) if isinstance(arguments, dict) else _text(arguments))
        _keep(self.function_extra, function, known={"name", "arguments"})

    def call(self) -> ToolCall:
        return ToolCall(
            self.name,
            "".join(self.arguments),
            id=self.id,
            type=self.type,
            extra=dict(self.extra),
            function_extra=dict(self.function_extra),
        )


def _keep(kept: dict[str, Any], members: dict[str, Any], *, known: set[str]) -> None:
    kept.update({key: value for key, value in members.items() if key not in known and value is not None})


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
