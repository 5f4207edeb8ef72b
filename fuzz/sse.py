"""Event streams: `SSEParser` and `ResponseReader`.

Property: SSEError alone is raised, and only beyond the bounds; however the bytes are cut, the events, the text, the
files, the violations and what is unfinished are the same; no more is held than the bounds allow.
"""

from __future__ import annotations

from typing import Any

from poe_asgi.errors import SSEError
from poe_asgi.protocol import Limits, Reply, ResponseReader, SSEParser

from ._support import in_time, pieces, split

WHOLE = (
    b'event: meta\r\ndata: {"content_type": "text/markdown", "suggested_replies": true}\r\n\r\n'
    b": ping\r\n\r\n"
    b'event: text\ndata: {"text": "Hi \\ud83d\\ude00"}\n\n'
    b'event: replace_response\rdata: {"text":\rdata: "x"}\r\r'
    b'event: file\ndata: {"url": "u", "name": "n", "content_type": "c", "inline_ref": "r"}\n\n'
    b'event: suggested_reply\ndata: {"text": "a"}\n\n'
    b'event: data\ndata: {"metadata": "m"}\n\n'
    b'event: json\ndata: {"choices": []}\n\n'
    b'event: new\nid: 1\nretry: 5\ndata: {"a": NaN}\n\n'
    b'event: error\ndata: {"text": "t", "allow_retry": false, "error_type": null}\n\n'
    b"event: done\ndata: {}\n\n"
)
INLINE = (
    b'event: text\ndata: {"text": "![a][r]"}\n\n'
    b'event: file\ndata: {"url": "", "name": "", "content_type": "", "inline_ref": "r"}\n\n'
)
SEEDS = [
    b"\0" + WHOLE,
    b"\1\xef\xbb\xbf" + WHOLE,
    b"\2event: text\ndata: \xff\n\ndata\n\ndata:\n\nevent: done\n\n",
    b"\3data: \xe2\x80\xa8\xc2\x85\x0b\x0c\x1c\n\n",
    b"\4" + b"data: 0123456789\n" * 8 + b"\n",
    b"\5event: text\ndata: " + b"[" * 300 + b"\n\n",
    b"\6event: text\ndata: {",
    b"\x47" + b"event: text\ndata: 0123456789\n" + b": 0123456789\n" * 4 + b"\n",
    b"\7" + INLINE,
]


def parsed(data: bytes, choice: int, *, whole: bool, bounds: tuple[int, int]) -> tuple[list[Any], str | None, Any]:
    parser = SSEParser(max_line=bounds[0], max_event=bounds[1])
    events: list[Any] = []
    try:
        for piece in [data] if whole else pieces(data, choice):
            events += parser.feed(piece)
    except SSEError as exc:
        return events, str(exc).split()[1], None
    return events, None, (parser.unfinished, parser.invalid_utf8)


def read(data: bytes, choice: int, *, whole: bool) -> Any:
    reader = ResponseReader(Limits(characters=200, events=20, files=3), max_line=2000, max_event=4000)
    events: list[Any] = []
    try:
        for piece in [data] if whole else pieces(data, choice):
            events += reader.feed(piece)
    except SSEError:
        return None
    reader.end()
    return repr((events, reader.text, reader.violations, reader.state, reader.error, Reply.of(reader, events)))


def check(data: bytes) -> None:
    choice, rest = split(data)
    bounds = (64, 96) if choice & 64 else (2**20, 2**20)
    with in_time():
        at_once, fault, state = parsed(rest, choice, whole=True, bounds=bounds)
        in_pieces, same_fault, same_state = parsed(rest, choice, whole=False, bounds=bounds)
        assert (fault is None) is (same_fault is None), (fault, same_fault)
        if fault is None:
            assert in_pieces == at_once
            assert same_state == state
        assert all(len(event.data.encode()) <= 3 * bounds[1] for event in in_pieces)
        assert read(rest, choice, whole=True) == read(rest, choice, whole=False)
