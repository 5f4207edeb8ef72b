"""The playground's relay: what a bot answers, kept for the inspector and shown as an answer.

Property: SSEError alone is raised; however the bytes are cut, the same events come with the same bytes, and none of the
bytes is lost; everything can be told to the page.
"""

from __future__ import annotations

import json
from typing import Any

from poe_asgi.errors import SSEError
from poe_asgi.playground._conversation import Answer, Question
from poe_asgi.playground._exchanges import Exchange
from poe_asgi.protocol import Limits, user

from . import sse
from ._support import in_time, pieces, split

SEEDS = [
    *sse.SEEDS,
    b"\1: ping\r\n\r\nevent: text\r\ndata: {}\r\n\r\n: a\n: b\n\ndata: x\r\r\n",
    b'\1event: text\ndata: {"text": "\\ud800 **b** <script>"}\n\nevent: done\ndata: {}\n\nevent: text\n',
    b"\1event: done\ndata: {}\r\n\r",
    b"\1\r\n\n\r\r\n\n",
]


def _kept(data: bytes, choice: int, *, whole: bool) -> tuple[list[tuple[str, bytes, str, Any]] | None, Any]:
    exchange = Exchange({"type": "query"}, now=0.0, limits=Limits(characters=100, events=10, files=2))
    exchange.streamed = True
    answer = Answer("m", Question(user("hi")), exchange, "u")
    failed = False
    try:
        for piece in [data] if whole else pieces(data, choice):
            exchange.feed(piece, 0.0)
    except SSEError:
        failed = True
    exchange.end(0.0)
    answer.status = "done"
    answer.render()
    answer.message()
    page = json.dumps([exchange.to_page(), answer.to_page()]).encode("ascii")
    if failed:
        return None, None
    assert exchange.raw() == data
    assert page
    frames = [
        (frame.kind, frame.raw, frame.preview, [each.rule.id for each in frame.broken]) for frame in exchange.frames
    ]
    return frames, (answer.text, exchange.heard, answer.shown)


def check(data: bytes) -> None:
    choice, rest = split(data)
    with in_time():
        assert _kept(rest, choice, whole=True) == _kept(rest, choice, whole=False)
