"""Chunks of chat completions: `ChatAccumulator` and `ToolCallAccumulator`.

Property: no chunk raises; the deltas add up to the text and the thoughts; calls have names, and fit back onto the wire;
the body that a stream amounts to is read as the same completion.
"""

from __future__ import annotations

import json

from poe_asgi.chat._accumulator import ChatAccumulator
from poe_asgi.client import ToolCallAccumulator

from ._support import dump, in_time, loads


def chunk(delta: object, **more: object) -> dict[str, object]:
    return {"id": "1", "object": "c", "model": "m", "choices": [{"index": 0, "delta": delta, **more}]}


def fragment(**members: object) -> dict[str, object]:
    return chunk({"tool_calls": [members]})


JSON_AFTER = 0  # bytes
SEEDS = [
    dump([chunk({"role": "assistant", "content": ""}), chunk({"content": "a"}), chunk({}, finish_reason="stop")]),
    dump([chunk({"reasoning": "t", "reasoning_content": "t"}), chunk({"content": [{"text": "p"}]})]),
    dump(
        [
            fragment(index=0, id="a", type="function", function={"name": "f", "arguments": ""}),
            fragment(index=0, function={"arguments": '{"x":'}),
            fragment(index=0, id="a", function={"name": "f", "arguments": "1}"}, extra_content={"google": 1}),
            fragment(id="b", function={"name": "g", "arguments": {"y": 1}, "z": 2}),
            fragment(function={"arguments": "x"}),
            chunk({"tool_calls": [None, 1, {"index": True}, {"index": -1, "function": None}]}),
        ]
    ),
    dump([{"choices": [], "usage": {"prompt_tokens": 1, "completion_tokens": 0, "prompt_tokens_details": None}}]),
    dump([{"choices": [{"message": {"content": "whole", "refusal": "no"}, "finish_reason": "stop"}]}, None, [], 1]),
    dump([{"usage": {"prompt_tokens": -1, "completion_tokens": 1e3, "completion_tokens_details": {"x": 1}}}]),
]


def check(data: bytes) -> None:
    chunks = loads(data)
    if not isinstance(chunks, list):
        chunks = [chunks]
    with in_time():
        whole, calls = ChatAccumulator(), ToolCallAccumulator()
        deltas = [delta for each in chunks if (delta := whole.feed(each)) is not None]
        assert "".join(delta.text for delta in deltas) == whole.text
        assert "".join(delta.thoughts for delta in deltas) == whole.thoughts
        for each in chunks:
            calls.feed(each)
        for call in (*whole.calls, *calls.calls):
            assert call.name
            json.dumps(call.to_wire())
        json.dumps(whole.message())
        again = ChatAccumulator()
        again.feed(json.loads(json.dumps(whole.body())))
        assert (again.text, again.thoughts) == (whole.text, whole.thoughts)
        ids = [call.id for call in whole.calls]
        assert len(again.calls) == len(ids) or len(set(ids)) < len(ids)  # calls of one id are one call, as a whole
        assert again.usage == whole.usage
        assert again.is_empty is whole.is_empty
        str(whole.usage + whole.usage)
