"""Calls of tools: the arguments that a model wrote, the calls that it makes, and the rounds that a bot has stored.

Property: reading arguments raises ToolError alone, in few words; a call and a round survive the wire; running any calls
gives a result for each.
"""

from __future__ import annotations

import json
from typing import Any, Literal

from pydantic import BaseModel

from poe_asgi.client import Tool, Toolbox
from poe_asgi.client._tool_arguments import Arguments
from poe_asgi.errors import ToolError
from poe_asgi.protocol import ToolCall, ToolResult, ToolRound, stored_value
from poe_asgi.protocol._tool_memory import stored_rounds

from ._support import dump, in_time, loads, run, split, text


class Where(BaseModel):
    """A place."""

    city: str
    within: Where | None = None


def weather(where: Where, days: int = 1, unit: Literal["C", "F"] = "C", tags: tuple[str, ...] = ()) -> str:
    """The weather."""
    return f"{where.city} {days} {unit} {tags}"


def anything(**members: Any) -> str:
    """Takes all."""
    return json.dumps(sorted(members))


ARGUMENTS = [Arguments.of(weather, typed=True), Arguments.of(anything, typed=False)]
BOX = Toolbox([Tool.of(weather)])

JSON_AFTER = 1  # bytes
SEEDS = [
    b"\0" + dump({"where": {"city": "Bern", "within": {"city": "CH"}}, "days": 2, "unit": "F", "tags": ["a"]}),
    b"\0" + dump({"where": "Bern", "days": "x", "new": 1}),
    b"\0 null ",
    b"\0" + b'{"where": {"city": "", "within": ' * 60,
    b"\1" + dump({"a": 1, "self": 2, "p0": "\ud800"}),
    b"\2" + dump([{"id": "1", "type": "function", "function": {"name": "weather", "arguments": "{}"}, "x": 1}]),
    b"\2" + dump([{"function": {"name": "no tool \n\x1b", "arguments": None, "y": 1}}, {}, 1]),
    b"\3" + dump({"poe_asgi.tool_rounds": [{"calls": [{"function": {"name": "f"}}], "results": [{"content": ""}]}]}),
    b'\3{"poe_asgi.tool_rounds": [], "value": ' + b"[" * 100,
]


def check(data: bytes) -> None:
    choice, rest = split(data)
    with in_time():
        match choice % 4:
            case 0 | 1 as which:
                _check_arguments(ARGUMENTS[which], text(rest))
            case 2:
                _check_calls(loads(rest))
            case _:
                stored = text(rest)
                stored_value(stored)
                for each in stored_rounds(stored):
                    assert ToolRound.from_wire(json.loads(json.dumps(each.to_wire()))) is not None
                    each.messages()


def _check_arguments(arguments: Arguments, written: str) -> None:
    try:
        values = arguments.read(written)
    except ToolError as exc:
        assert len(str(exc)) < 5000
        return
    assert isinstance(values, dict)


def _check_calls(raw: Any) -> None:
    calls = [call for each in (raw if isinstance(raw, list) else [raw]) if (call := ToolCall.from_wire(each))]
    for call in calls:
        again = ToolCall.from_wire(json.loads(json.dumps(call.to_wire())))
        assert again is not None
        assert again.to_wire() == call.to_wire()
    received = BOX.received(calls)
    made = run(BOX.run(received))
    assert len(made.results) == len(calls)
    for result in made.results:
        assert ToolResult.from_wire(result.to_wire()) is not None
