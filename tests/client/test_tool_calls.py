"""The accumulator of tool calls: every cut of every call folds to the same call, and nothing that comes raises."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, strategies as st

from poe_asgi.client import ToolCallAccumulator
from poe_asgi.protocol import ToolCall

SIGNED = {"google": {"thought_signature": "AY89a1"}}


def chunk(*fragments: Any, **delta: Any) -> dict[str, Any]:
    return {"choices": [{"index": 0, "delta": {"tool_calls": list(fragments), **delta}, "finish_reason": None}]}


def folded(*fragments: Any) -> tuple[ToolCall, ...]:
    """What comes of these fragments, each in a chunk of its own."""
    accumulator = ToolCallAccumulator()
    for fragment in fragments:
        assert accumulator.feed(chunk(fragment)) == ""
    return accumulator.calls


@st.composite
def cut(draw: st.DrawFn, text: str) -> list[str]:
    places = sorted(draw(st.sets(st.integers(0, len(text)), max_size=6)))
    return [text[start:end] for start, end in zip([0, *places], [*places, len(text)], strict=True)]


values = st.one_of(st.text(max_size=5), st.integers(), st.booleans(), st.just(SIGNED), st.lists(st.integers()))
members = st.dictionaries(st.text(min_size=1, max_size=8).map("x_".__add__), values, max_size=3)
calls = st.builds(
    ToolCall,
    st.text(min_size=1, max_size=12),
    st.text(max_size=30),
    id=st.text(max_size=5),
    extra=members,
    function_extra=members,
)


@st.composite
def fragments_of(draw: st.DrawFn, call: ToolCall, index: int | None) -> list[dict[str, Any]]:
    """A call as it comes: id and type first, the name in pieces, then the arguments, other members anywhere."""
    pieces = [("name", each) for each in draw(cut(call.name))] + [
        ("arguments", each) for each in draw(cut(call.arguments))
    ]
    if index is None:  # only the name tells such a call's begin
        pieces = [("name", call.name), *(("arguments", each) for each in draw(cut(call.arguments)))]
    made: list[dict[str, Any]] = [{"function": {key: text}} for key, text in pieces]
    made[0] |= {"id": call.id, "type": call.type}
    for key, value in call.extra.items():
        made[draw(st.integers(0, len(made) - 1))][key] = value
    for key, value in call.function_extra.items():
        made[draw(st.integers(0, len(made) - 1))]["function"][key] = value
    return [each if index is None else {"index": index, **each} for each in made]


@st.composite
def streams(draw: st.DrawFn) -> tuple[list[ToolCall], list[list[dict[str, Any]]]]:
    """Some calls, and their fragments: interleaved as it happens, in chunks of any number."""
    given_calls = draw(st.lists(calls, max_size=4))
    queues = [draw(fragments_of(call, index)) for index, call in enumerate(given_calls)]
    chunks: list[list[dict[str, Any]]] = [[]]
    while any(queues):
        queue = draw(st.sampled_from([each for each in queues if each]))
        if draw(st.booleans()):
            chunks.append([])
        chunks[-1].append(queue.pop(0))
    return given_calls, chunks


@given(streams())
def test_every_cut_of_every_call_folds_to_the_same_calls(
    stream: tuple[list[ToolCall], list[list[dict[str, Any]]]],
) -> None:
    given_calls, chunks = stream
    accumulator = ToolCallAccumulator()
    for each in chunks:
        accumulator.feed(chunk(*each))
    assert accumulator.calls == tuple(given_calls)


@given(st.data(), st.lists(calls.filter(lambda call: call.id), max_size=3, unique_by=lambda call: call.id))
def test_without_an_index_calls_that_come_one_after_the_other_are_told_apart(
    data: st.DataObject, given_calls: list[ToolCall]
) -> None:
    fragments = [each for call in given_calls for each in data.draw(fragments_of(call, None))]
    assert folded(*fragments) == tuple(given_calls)


@given(calls)
def test_a_whole_call_may_come_in_one_fragment(call: ToolCall) -> None:
    function = {"name": call.name, "arguments": call.arguments, **call.function_extra}
    whole = {"id": call.id, "type": "function", "function": function, **call.extra}
    assert folded(whole) == folded({"index": 0, **whole}) == (call,)
    assert call == ToolCall.from_wire(whole)


def test_whole_calls_with_neither_index_nor_id_are_calls_of_their_own() -> None:
    first, second = ({"function": {"name": name, "arguments": "{}"}} for name in "ab")
    assert folded(first, second) == (ToolCall("a", "{}"), ToolCall("b", "{}"))


def test_calls_that_all_have_the_index_0_are_told_apart_by_their_ids() -> None:
    fragments = [
        {"index": 0, "id": "1", "function": {"name": "f", "arguments": '{"city": "Os'}},
        {"index": 0, "function": {"arguments": 'lo"}'}},
        {"index": 0, "id": "2", "function": {"name": "f", "arguments": '{"city": "Ri'}},
        {"index": 0, "function": {"arguments": 'ga"}'}},
        {"index": 0, "id": "1", "extra_content": SIGNED},
    ]
    assert folded(*fragments) == (
        ToolCall("f", '{"city": "Oslo"}', id="1", extra={"extra_content": SIGNED}),
        ToolCall("f", '{"city": "Riga"}', id="2"),
    )


def test_calls_with_one_id_and_an_index_each_are_two_calls() -> None:
    fragments = [{"index": index, "id": "same", "function": {"name": name}} for index, name in enumerate("ab")]
    assert [call.name for call in folded(*fragments)] == ["a", "b"]


def test_calls_are_in_the_order_of_their_indexes() -> None:
    assert [call.name for call in folded(*({"index": i, "function": {"name": f"f{i}"}} for i in (2, 0, 1)))] == [
        "f0",
        "f1",
        "f2",
    ]


def test_members_of_a_provider_that_come_alone_belong_to_the_call_before() -> None:
    head = {"id": "1", "function": {"name": "f", "arguments": "{}"}}
    assert folded(head, {"extra_content": SIGNED}) == (ToolCall("f", "{}", id="1", extra={"extra_content": SIGNED}),)
    assert folded(head, {"extra_content": SIGNED}, {"extra_content": None})[0].extra == {"extra_content": SIGNED}


def test_a_server_that_repeats_the_id_repeats_the_name_too() -> None:
    fragments = [{"index": 0, "id": "1", "function": {"name": "f", "arguments": each}} for each in ('{"a"', ": 1}")]
    assert folded(*fragments) == (ToolCall("f", '{"a": 1}', id="1"),)


def test_arguments_that_come_parsed_are_json_again() -> None:
    assert folded({"function": {"name": "f", "arguments": {"a": [1]}}}) == (ToolCall("f", '{"a": [1]}'),)


def test_an_id_that_comes_late_is_the_calls() -> None:
    assert folded({"index": 0, "function": {"name": "f"}}, {"index": 0, "id": "1"}) == (ToolCall("f", id="1"),)


def test_what_has_no_name_is_no_call() -> None:
    assert folded({"index": 0, "id": "1", "type": "function"}, {"index": 0, "function": {"arguments": "{}"}}) == ()


def test_the_text_of_a_chunk_is_handed_out_and_the_reason_kept() -> None:
    accumulator = ToolCallAccumulator()
    assert accumulator.finish_reason is None
    assert accumulator.feed(chunk({"index": 0, "function": {"name": "f"}}, content="Let me see.")) == "Let me see."
    assert accumulator.feed({"choices": [{"delta": {}, "finish_reason": "tool_calls"}]}) == ""
    assert accumulator.feed({"choices": [], "usage": {}}) == ""
    assert accumulator.finish_reason == "tool_calls"
    assert accumulator.calls == (ToolCall("f"),)


@pytest.mark.parametrize(
    "given_chunk",
    [
        {},
        {"choices": None},
        {"choices": [None]},
        {"choices": [{}]},
        {"choices": [{"delta": None}]},
        {"choices": [{"delta": {"content": None, "tool_calls": None}}]},
        chunk(None, {}, {"index": None, "id": None, "type": None, "function": None}),
        chunk({"index": 0, "function": {"name": None, "arguments": None}}),
        chunk({"index": True, "id": 7, "function": {"name": 7, "arguments": 7}}),
    ],
)
def test_missing_and_null_members_are_nothing(given_chunk: dict[str, Any]) -> None:
    accumulator = ToolCallAccumulator()
    assert accumulator.feed(given_chunk) == ""
    assert accumulator.calls == ()


anything = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 2) | st.text(max_size=3) | st.floats(allow_nan=False),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "choices",
                    "delta",
                    "tool_calls",
                    "function",
                    "index",
                    "id",
                    "name",
                    "arguments",
                    "content",
                    "finish_reason",
                ]
            ),
            inner,
            max_size=5,
        )
    ),
    max_leaves=20,
)


@given(st.lists(anything | st.builds(chunk, anything, content=anything), max_size=6))
def test_garbage_never_raises(chunks: list[Any]) -> None:
    accumulator = ToolCallAccumulator()
    assert all(isinstance(accumulator.feed(each), str) for each in chunks)
    assert all(call.name and isinstance(call.arguments, str) for call in accumulator.calls)
