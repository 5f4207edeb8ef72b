"""Tool rounds that a bot keeps with its answer: Poe forgets them, a `data` event brings them back.

They share the one string of that event with what the bot stores itself: an object whose key names this package, so
that nothing a bot stores can be taken for it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

from ._messages import Message
from ._tool_rounds import ToolRound

_ROUNDS = "poe_asgi.tool_rounds"
_VALUE = "value"


def with_rounds(value: str, rounds: Iterable[ToolRound]) -> str:
    """The JSON text ``value`` and the rounds as one JSON text; without rounds, ``value`` alone."""
    wire = [each.to_wire() for each in rounds]
    return f'{{"{_ROUNDS}": {json.dumps(wire)}, "{_VALUE}": {value}}}' if wire else value


def stored_value(metadata: str) -> str:
    """What the bot itself stored, as JSON text if rounds came with it, and else whatever it is."""
    value, _ = _unpacked(metadata)
    return value


def stored_rounds(metadata: str) -> tuple[ToolRound, ...]:
    """The rounds that were stored; none when there are none or they cannot be read."""
    _, rounds = _unpacked(metadata)
    return tuple(each for each in map(ToolRound.from_wire, rounds) if each is not None)


def insert_tool_rounds(messages: Sequence[Message]) -> tuple[Message, ...]:
    """The messages, with the rounds stored on each message of the bot before it, where they took place."""
    expanded: list[Message] = []
    for message in messages:
        if message.role == "bot" and message.metadata:
            expanded += (each for rounds in stored_rounds(message.metadata) for each in rounds.messages())
        expanded.append(message)
    return tuple(expanded)


def _unpacked(metadata: str) -> tuple[str, list[Any]]:
    if _ROUNDS in metadata:
        try:
            stored = json.loads(metadata)
            if isinstance(stored, dict) and isinstance(stored.get(_ROUNDS), list):
                return json.dumps(stored.get(_VALUE)), stored[_ROUNDS]
        except (ValueError, RecursionError):
            pass
    return metadata, []
