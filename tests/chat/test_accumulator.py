"""The accumulator of chat completions: whatever chunks come, and however the bytes are cut."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st

from poe_asgi.chat import ChatDelta, ChatResult
from poe_asgi.chat._accumulator import ChatAccumulator
from poe_asgi.protocol import ToolCall
from tests.chat.support import DONE, Answers, call, chunk, data, merged, model, stream


def fed(*chunks: Any) -> ChatAccumulator:
    accumulator = ChatAccumulator()
    for each in chunks:
        accumulator.feed(each)
    return accumulator


def delta(finish: str | None = None, **members: Any) -> dict[str, Any]:
    return {"choices": [{"index": 0, "delta": members, "finish_reason": finish}]}


# ---- one chunk after the other


def test_text_thoughts_model_usage_and_reason_add_up() -> None:
    accumulator = fed(
        {"model": "m", **delta(role="assistant", content="")},
        delta(reasoning="Hm"),
        delta(reasoning="m."),
        delta(content="Hel"),
        delta(content="lo"),
        delta("stop"),
        {"choices": [], "usage": {"prompt_tokens": 7, "completion_tokens": 3}},
    )
    assert (accumulator.text, accumulator.thoughts, accumulator.model) == ("Hello", "Hmm.", "m")
    assert accumulator.finish_reason == "stop"
    assert (accumulator.usage.input_tokens, accumulator.usage.output_tokens) == (7, 3)
    assert not accumulator.usage.is_estimate


@pytest.mark.parametrize(
    "nothing",
    [
        None,
        [],
        "text",
        5,
        {},
        {"choices": None},
        {"choices": []},
        {"choices": {}},
        {"choices": [None]},
        {"choices": [[]]},
        {"choices": [{}]},
        {"choices": [{"delta": None}]},
        {"choices": [{"delta": []}]},
        {"choices": [{"delta": {}}]},
        {"choices": [{"delta": {"content": None, "tool_calls": None, "reasoning": None}}]},
        {"choices": [{"delta": {"content": 5, "tool_calls": 5, "reasoning": {}, "reasoning_content": [1]}}]},
        {"choices": [{"delta": {"content": "", "tool_calls": []}, "finish_reason": ""}]},
        {"choices": [{"message": None, "finish_reason": 5}]},
        {"usage": None, "model": None},
        {"usage": [], "model": ["m"]},
        {"usage": 5, "model": ""},
    ],
)
def test_a_chunk_of_nothing_adds_nothing_and_harms_nothing(nothing: Any) -> None:
    accumulator = ChatAccumulator()
    assert accumulator.feed(nothing) is None
    accumulator.feed(delta(content="a"))
    assert accumulator.feed(nothing) is None
    accumulator.feed(delta("stop", content="b"))
    assert (accumulator.text, accumulator.finish_reason, accumulator.calls) == ("ab", "stop", ())


def test_a_delta_says_what_it_adds_and_nothing_twice() -> None:
    accumulator = ChatAccumulator()
    assert accumulator.feed({"model": "m", **delta(content="a")}) == ChatDelta("a", json={"model": "m"})
    assert accumulator.feed({"model": "m", **delta(content="b", reasoning="c")}) == ChatDelta("b", thoughts="c")
    assert accumulator.feed({"model": "other", **delta("stop")}) is None


def test_reasoning_under_two_names_comes_once() -> None:
    accumulator = fed(
        delta(reasoning="a", reasoning_content="a"),
        delta(reasoning="", reasoning_content="b"),
        delta(reasoning=None, reasoning_content="c"),
        delta(reasoning="d"),
    )
    assert accumulator.thoughts == "abcd"


@pytest.mark.parametrize("name", ["reasoning", "reasoning_content"])
def test_a_whole_message_goes_the_same_way(name: str) -> None:
    message = {"role": "assistant", "content": "Hello", name: "Hm", "tool_calls": [call("f", '{"a": 1}')]}
    accumulator = fed({"model": "m", "choices": [{"message": message, "finish_reason": "tool_calls"}]})
    assert (accumulator.text, accumulator.thoughts) == ("Hello", "Hm")
    assert accumulator.calls == (ToolCall("f", '{"a": 1}', id="call_1"),)


def test_content_as_a_list_of_parts_is_the_text_of_its_parts() -> None:
    parts: list[Any] = [{"type": "text", "text": "Hel"}, {"type": "image_url"}, None, "x", {"text": 5}, {"text": "lo"}]
    assert fed(delta(content=parts)).text == "Hello"


def test_a_refusal_is_what_the_model_says_where_it_says_nothing_else() -> None:
    assert fed(delta(content=None, refusal="I will not.")).text == "I will not."
    assert fed(delta(content="Yes.", refusal="No.")).text == "Yes."


@pytest.mark.parametrize("place", ["the last with content", "alone", "alone, without choices", "every one"])
def test_usage_counts_wherever_it_stands(place: str) -> None:
    usage = {"prompt_tokens": 7, "completion_tokens": 3}
    grown = {**usage, "completion_tokens": 1}
    chunks = {
        "the last with content": [delta(content="a"), {**delta("stop", content="b"), "usage": usage}],
        "alone": [delta(content="ab"), delta("stop"), {"choices": [], "usage": usage}],
        "alone, without choices": [delta(content="ab"), delta("stop"), {"usage": usage}],
        "every one": [{**delta(content="a"), "usage": grown}, {**delta("stop", content="b"), "usage": usage}],
    }[place]
    accumulator = fed(*chunks)
    assert (accumulator.text, accumulator.usage.input_tokens, accumulator.usage.output_tokens) == ("ab", 7, 3)


def test_usage_that_was_told_stays_where_null_follows() -> None:
    accumulator = fed({**delta(content="a"), "usage": {"prompt_tokens": 7, "completion_tokens": 3}}, {"usage": None})
    assert accumulator.usage.input_tokens == 7


def test_no_usage_is_an_estimate() -> None:
    assert fed(delta(content="a")).usage.is_estimate


# ---- calls of tools


@pytest.mark.parametrize(
    "fragments",
    [
        pytest.param([[{"index": 0, **call("f", '{"a": 1}')}]], id="whole, in one chunk"),
        pytest.param([[call("f", '{"a": 1}')]], id="whole, without an index"),
        pytest.param([[{"index": None, **call("f", '{"a": 1}')}]], id="whole, with a null index"),
        pytest.param(
            [
                [{"index": 0, "id": "call_1", "type": "function", "function": {"name": "f", "arguments": ""}}],
                [{"index": 0, "function": {"arguments": '{"a"'}}],
                [{"index": 0, "function": {"name": None, "arguments": ": 1}"}}],
            ],
            id="in pieces",
        ),
        pytest.param(
            [
                [{"id": "call_1", "function": {"name": "f", "arguments": None}}],
                [{"function": {"arguments": '{"a": '}}],
                [{"index": None, "id": None, "type": None, "function": {"arguments": "1}"}}],
            ],
            id="in pieces without an index",
        ),
        pytest.param(
            [[{"index": 0, "id": "call_1"}], [{"index": 0, "function": {"name": "f"}}], [{"index": 0, "function": {"arguments": '{"a": 1}'}}]],
            id="the id, the name, the arguments",
        ),
        pytest.param([[{**call("f"), "function": {"name": "f", "arguments": {"a": 1}}}]], id="arguments as an object"),
    ],
)  # fmt: skip
def test_a_call_is_the_same_in_whatever_pieces_it_comes(fragments: list[Any]) -> None:
    accumulator = fed(*(delta(tool_calls=each) for each in fragments), delta("tool_calls"))
    assert accumulator.calls == (ToolCall("f", '{"a": 1}', id="call_1"),)


def test_interleaved_calls_are_told_apart_by_their_index() -> None:
    accumulator = fed(
        delta(tool_calls=[{"index": 1, **call("g", "{", id="b")}, {"index": 0, **call("f", "[", id="a")}]),
        delta(tool_calls=[{"index": 0, "function": {"arguments": "]"}}, {"index": 1, "function": {"arguments": "}"}}]),
    )
    assert accumulator.calls == (ToolCall("f", "[]", id="a"), ToolCall("g", "{}", id="b"))


def test_what_nobody_here_knows_of_a_call_is_sent_back() -> None:
    signature = {"google": {"thought_signature": "abc"}}
    accumulator = fed(delta(content="Let me see."), delta(tool_calls=[call("f", extra_content=signature)]))
    assert accumulator.message() == {
        "role": "assistant",
        "content": "Let me see.",
        "tool_calls": [call("f", extra_content=signature)],
    }


# ---- the body that a stream amounts to


def test_a_stream_amounts_to_the_body_of_one_that_was_not_streamed() -> None:
    envelope = {"id": "chatcmpl-1", "created": 5, "model": "m"}
    accumulator = fed(
        {**envelope, "object": "chat.completion.chunk", **delta(content="a")},
        {**envelope, **delta("stop", reasoning="t")},
        {"usage": {"prompt_tokens": 1}},
    )
    message = {"role": "assistant", "content": "a", "reasoning": "t"}
    assert accumulator.body() == {
        **envelope,
        "object": "chat.completion",
        "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 1},
    }


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["choices", "delta", "message", "content", "tool_calls", "function", "name", "arguments"])
            | st.sampled_from(["index", "id", "usage", "prompt_tokens", "finish_reason", "reasoning", "model", "text"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(st.lists(JSON, max_size=4))
@settings(max_examples=300, deadline=None)
def test_nothing_that_comes_raises_and_the_deltas_add_up_to_the_whole(chunks: list[Any]) -> None:
    accumulator = ChatAccumulator()
    deltas = [given for each in chunks if (given := accumulator.feed(each)) is not None]
    text, thoughts, told = merged(deltas)
    assert (text, thoughts) == (accumulator.text, accumulator.thoughts)
    assert told.get("model", "") == accumulator.model
    json.dumps(accumulator.body())


# ---- cuts

STREAM = b"".join(
    [
        b"\xef\xbb\xbf: hello\r\n\r\n",
        chunk(role="assistant", content=""),
        chunk(reasoning="Hm\u2028m", reasoning_content="Hm\u2028m").replace(b"\n", b"\r\n"),
        chunk(content="Gr\u00fc\U0001f600"),
        b'id: 5\nretry: 7\ndata: {"choices": [{"delta":\ndata: {"content": "\xc3\xbc\xe2\x80\xa8\xf0\x9f\x98\x80"}}]}\n\n',
        b": ping\n\n",
        chunk(tool_calls=[{"index": 0, **call("f", '{"a"')}]).replace(b"\n", b"\r"),
        chunk(tool_calls=[{"index": 0, "function": {"arguments": ": 1}"}}], finish="tool_calls"),
        data({"model": "m", "choices": [], "usage": {"prompt_tokens": 7, "completion_tokens": 3}}),
        DONE,
    ]
)


async def read(*chunks: bytes) -> tuple[ChatResult, tuple[str, str, dict[str, Any]]]:
    answer = model(Answers(stream(*chunks))).stream("hi")
    deltas = [each async for each in answer]
    return answer.result, merged(deltas)


@pytest.mark.asyncio
async def test_every_cut_into_two_gives_the_same_result() -> None:
    result, put_together = await read(STREAM)
    assert result.text == "Gr\u00fc\U0001f600\u00fc\u2028\U0001f600"
    assert result.thoughts == "Hm\u2028m"
    assert result.tool_calls == (ToolCall("f", '{"a": 1}', id="call_1"),)
    assert (result.usage.input_tokens, result.finish_reason, result.complete) == (7, "tool_calls", True)
    for place in range(1, len(STREAM)):
        assert await read(STREAM[:place], STREAM[place:]) == (result, put_together), place


@pytest.mark.asyncio
async def test_byte_by_byte_it_is_the_same() -> None:
    assert await read(*(bytes([each]) for each in STREAM)) == await read(STREAM)


@given(st.lists(st.integers(0, len(STREAM)), max_size=12))
@settings(max_examples=60, deadline=None)
@pytest.mark.asyncio
async def test_any_cuts_give_the_same(places: list[int]) -> None:
    edges = [0, *sorted(places), len(STREAM)]
    pieces = [STREAM[start:end] for start, end in pairwise(edges)]
    assert await read(*pieces) == await read(STREAM)
