"""What targets share: JSON from bytes, cuts, one event loop, and a bound on the time of one input."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any, TypeVar

T = TypeVar("T")

SECONDS = 2.0  # far above what any input of some kilobytes may take, also on a busy machine


def split(data: bytes) -> tuple[int, bytes]:
    """The first byte, which chooses something, and the rest, which is the input."""
    return (data[0], data[1:]) if data else (0, b"")


def pieces(data: bytes, choice: int) -> Iterator[bytes]:
    """The data in pieces of a length that is chosen, or of growing length."""
    at, size = 0, choice % 8
    while at < len(data):
        step = size or 1 + at % 5
        yield data[at : at + step]
        at += step


def pieces_of_text(text: str, choice: int) -> Iterator[str]:
    at, size = 0, choice % 8
    while at < len(text):
        step = size or 1 + at % 5
        yield text[at : at + step]
        at += step


def loads(data: bytes) -> Any:
    """The JSON value, None for what is none. Lone surrogates stay, as they do where the client reads."""
    try:
        return json.loads(data.decode("utf-8", "surrogateescape"))
    except (ValueError, RecursionError):
        return None


def text(data: bytes) -> str:
    """Any text; bytes that are not UTF-8 become lone surrogates, as JSON can hold them."""
    return data.decode("utf-8", "surrogateescape")


def dump(value: Any) -> bytes:
    return json.dumps(value).encode("ascii")


@cache
def loop() -> asyncio.AbstractEventLoop:
    return asyncio.new_event_loop()


def run(work: Coroutine[Any, Any, T]) -> T:
    """Run it in the one loop of this process."""
    return loop().run_until_complete(work)


@contextmanager
def in_time() -> Iterator[None]:
    """Raise AssertionError when what is inside takes longer than an input of this size may."""
    began = time.process_time()
    yield
    took = time.process_time() - began
    assert took < SECONDS, f"it took {took:.1f} s"


def shows(key: str, said: str, body: bytes) -> bool:
    """Whether the key, or nearly all of it, is in what was said; a body may hold another that is nearly the same."""
    return key in said or (key[:-1] in said and key[:-1].encode() not in body.replace(key.encode(), b""))
