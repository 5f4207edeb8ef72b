"""The bytes on the wire, file by file. A change of any of them is a change of the protocol this package speaks."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from poe_asgi.protocol import (
    Data,
    ErrorEvent,
    File,
    Limits,
    Meta,
    ReplaceResponse,
    ResponseReader,
    ResponseWriter,
    SuggestedReply,
    Text,
)
from tests.protocol.test_sse import HOSTILE

GOLDEN = Path(__file__).parents[1] / "golden"


def writer(meta: Meta | None = None) -> ResponseWriter:
    opened = ResponseWriter(Limits())
    opened.open(meta or Meta())
    return opened


def every_event() -> ResponseWriter:
    out = writer()
    for event in (
        Text("Hello, "),
        Text("wörld 🌍"),
        ReplaceResponse('"quoted" \\ and\ttabbed'),
        File(url="https://x.test/a%20b.png?q=1&r=2", name='a "b".png', content_type="image/png", inline_ref="ab12cd34"),
        File(url="https://x.test/c.pdf", name="c.pdf", content_type="application/pdf"),
        Text("![a][ab12cd34]"),
        Data('{"turns": 1}'),
        SuggestedReply("Again"),
        SuggestedReply("Stop"),
    ):
        out.send(event)
    out.finish()
    return out


def hostile_text() -> ResponseWriter:
    out = writer()
    for text in HOSTILE:
        out.text(text)
        out.replace(text)
    out.finish()
    return out


def no_text() -> ResponseWriter:
    out = writer()
    out.send(SuggestedReply("Only a reply"))
    out.finish()
    return out


def empty() -> ResponseWriter:
    out = writer()
    out.text("")
    out.finish()
    return out


def error() -> ResponseWriter:
    out = writer(Meta(content_type="text/plain", suggested_replies=True, linkify=True, refetch_settings=False))
    out.text("So far")
    out.fail(ErrorEvent(text="Not «you».", allow_retry=False, error_type="user_caused_error"))
    out.finish()
    return out


@pytest.mark.parametrize("make", [every_event, hostile_text, no_text, empty, error])
def test_the_bytes_are_those_of_the_golden_file(make: Callable[[], ResponseWriter]) -> None:
    raw = make().take(0.0)
    assert raw == (GOLDEN / f"{make.__name__}.sse").read_bytes()
    reader = ResponseReader()
    reader.feed(raw)
    reader.end()
    assert reader.clean
