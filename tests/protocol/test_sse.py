from __future__ import annotations

import json
from itertools import pairwise

import httpx
import pytest
from httpx_sse import EventSource
from hypothesis import given, strategies as st

from poe_asgi.errors import SSEError
from poe_asgi.protocol import ServerSentEvent, SSEParser
from poe_asgi.protocol._sse import frame, text_frame

HOSTILE = [
    "\r",
    "\n",
    "\r\n",
    "\u2028",
    "\u2029",
    "\u0085",
    "\x00\x1b\x7f",
    "\ud800",
    "\udfff\ud800",
    "event: done\ndata: {}\n\n",
    "data: {}\r\n\r\n",
    ": comment",
    "\ufeff",
    "\U0001f600",
    '"\\/',
    "]]>",
]


def parse(data: bytes) -> list[tuple[str, str]]:
    parser = SSEParser()
    events = [(event.type, event.data) for event in parser.feed(data)]
    assert not parser.unfinished
    return events


def parse_slowly(data: bytes) -> list[tuple[str, str]]:
    """An independent reading of the standard's algorithm: character by character, over the decoded text."""
    kind, lines = "", list[str]()
    events: list[tuple[str, str]] = []
    text = data.decode().removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    for line in text.split("\n")[:-1]:
        if not line:
            if lines:
                events.append((kind or "message", "\n".join(lines)))
            kind, lines = "", []
        elif not line.startswith(":"):
            name, _, value = line.partition(":")
            value = value.removeprefix(" ")
            if name == "event":
                kind = value
            elif name == "data":
                lines.append(value)
    return events


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_survives_three_parsers(text: str) -> None:
    raw = text_frame("text", text).encode("ascii")
    for events in (parse(raw), parse_slowly(raw)):
        assert [(kind, json.loads(data)) for kind, data in events] == [("text", {"text": text})]
    response = httpx.Response(200, headers={"content-type": "text/event-stream"}, content=raw)
    assert [(event.event, event.json()) for event in EventSource(response).iter_sse()] == [("text", {"text": text})]


@given(st.text(st.characters(codec=None)))
def test_any_text_is_one_line_of_ascii(text: str) -> None:
    raw = text_frame("text", text)
    assert raw.isascii()
    assert raw.count("\r\n") == 3
    assert json.loads(raw.split("\r\n")[1].removeprefix("data: ")) == {"text": text}


def test_a_frame_with_a_number_json_cannot_carry_is_refused() -> None:
    with pytest.raises(ValueError, match="JSON"):
        frame("json", {"x": float("nan")})


STREAM = (
    b"\xef\xbb\xbf: hello\r\n\r\nevent: meta\ndata: {}\n\nid: 7\nretry: 5\ndata: a\ndata\ndata: b\r\rdata:c\r\n\r\n"
    b"event: ping\n\nunknown: x\nevent: text\r\ndata:  spaced\xc3\xa9\r\n\r\n"
)
EXPECTED = [("meta", "{}"), ("message", "a\n\nb"), ("message", "c"), ("text", " spacedé")]


def test_the_standard_is_followed() -> None:
    assert parse(STREAM) == EXPECTED == parse_slowly(STREAM)


@given(st.lists(st.integers(0, len(STREAM))))
def test_every_cut_gives_the_same_events(cuts: list[int]) -> None:
    parser, events = SSEParser(), []
    edges = [0, *sorted(cuts), len(STREAM)]
    for start, end in pairwise(edges):
        events += [(event.type, event.data) for event in parser.feed(STREAM[start:end])]
    assert events == EXPECTED
    assert not parser.unfinished


def test_fed_byte_by_byte_it_gives_the_same_events() -> None:
    parser = SSEParser()
    events = [event for index in range(len(STREAM)) for event in parser.feed(STREAM[index : index + 1])]
    assert [(event.type, event.data) for event in events] == EXPECTED


@given(
    st.lists(
        st.sampled_from([b"\r", b"\n", b"data: x", b"data", b":", b"event: e", b"\xef\xbb\xbf", b"id: 1", b" "]),
        max_size=30,
    )
)
def test_any_mixture_of_lines_is_read_as_the_standard_says(parts: list[bytes]) -> None:
    data = b"".join(parts) + b"\n"
    parser = SSEParser()
    assert [(event.type, event.data) for event in parser.feed(data)] == parse_slowly(data)


@given(st.binary(max_size=300), st.integers(1, 20))
def test_random_bytes_crash_nothing(data: bytes, size: int) -> None:
    parser = SSEParser()
    for start in range(0, len(data), size):
        parser.feed(data[start : start + size])


def test_bytes_that_are_no_utf8_are_replaced_and_noted() -> None:
    parser = SSEParser()
    assert parser.feed(b"data: \xff\n\n") == [ServerSentEvent("message", "\ufffd")]
    assert parser.invalid_utf8


def test_an_event_cut_off_is_unfinished() -> None:
    for cut in (b"data: x", b"data: x\n", b"event: text\n", b":"):
        parser = SSEParser()
        assert parser.feed(cut) == []
        assert parser.unfinished


def test_a_line_beyond_its_bound_is_an_error_even_without_an_end() -> None:
    for line in (b"data: " + b"x" * 100, b"data: " + b"x" * 100 + b"\n"):
        with pytest.raises(SSEError, match="line"):
            SSEParser(max_line=50).feed(line)


def test_an_event_beyond_its_bound_is_an_error_however_its_lines_are_cut() -> None:
    for line in (b"data: " + b"x" * 10 + b"\n", b"data\n"):
        parser = SSEParser(max_event=100)
        with pytest.raises(SSEError, match="event"):
            _feed_often(parser, line)


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_the_bounds_are_the_same_wherever_the_bytes_are_cut(size: int) -> None:
    line, event = b"data: " + b"x" * 30 + b"\n", b"data: y\n\n"
    assert len(_feed_in_pieces(line * 3 + b"\n" + event, size)) == 2
    with pytest.raises(SSEError, match="event"):
        _feed_in_pieces(line * 4 + b"\n" + event, size)
    with pytest.raises(SSEError, match="line"):
        _feed_in_pieces(b": " + b"x" * 60 + b"\n" + event, size)


def _feed_in_pieces(data: bytes, size: int) -> list[ServerSentEvent]:
    parser = SSEParser(max_line=50, max_event=100)
    return [event for start in range(0, len(data), size) for event in parser.feed(data[start : start + size])]


def _feed_often(parser: SSEParser, line: bytes) -> None:
    for _ in range(200):
        parser.feed(line)
