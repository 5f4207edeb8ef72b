"""`Wire`: how the events of an answer become bytes. Poe's is here; another door brings its own.

What may come when, and how much of it, is the writer's affair. A wire is told what was said, in order, and asked for
the bytes of it when they may leave.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Protocol

from ._events import ErrorEvent, Meta
from ._sse import frame, text_frame

_DONE = frame("done", {})


class Wire(Protocol):
    """Collects what is said until it is taken. ``data`` holds the fields that an event has at Poe."""

    def meta(self, meta: Meta) -> None:
        """How the answer is to be treated."""

    def text(self, kind: str, text: str) -> None:
        """One of the events that have a text alone: ``text``, ``replace_response``, ``suggested_reply``."""

    def event(self, kind: str, data: Mapping[str, Any]) -> None:
        """One of the others: ``file``, ``data``."""

    def json(self, data: Mapping[str, Any], /) -> bool:
        """Calls of tools that are left to whoever asked. Returns whether this wire can carry them."""

    def error(self, error: ErrorEvent) -> None:
        """The answer has failed. Only its end may follow."""

    def done(self) -> None:
        """The end. Nothing comes after it."""

    def take(self) -> bytes:
        """What has come since the last time."""


@lru_cache(maxsize=100)  # a bot has few
def _meta_frame(meta: Meta) -> str:
    data: dict[str, object] = {"content_type": meta.content_type, "suggested_replies": meta.suggested_replies}
    if meta.linkify is not None:
        data["linkify"] = meta.linkify
    if meta.refetch_settings is not None:
        data["refetch_settings"] = meta.refetch_settings
    return frame("meta", data)


class PoeWire:
    """Poe's own: a frame for each event."""

    __slots__ = ("_frames",)

    def __init__(self) -> None:
        self._frames: list[str] = []

    def meta(self, meta: Meta) -> None:
        self._frames.append(_meta_frame(meta))

    def text(self, kind: str, text: str) -> None:
        self._frames.append(text_frame(kind, text))

    def event(self, kind: str, data: Mapping[str, Any]) -> None:
        self._frames.append(frame(kind, data))

    def json(self, _: Mapping[str, Any], /) -> bool:
        return False  # no server bot sends them

    def error(self, error: ErrorEvent) -> None:
        data: dict[str, object] = {"text": error.text, "allow_retry": error.allow_retry}
        if error.error_type is not None:
            data["error_type"] = error.error_type
        self._frames.append(frame("error", data))

    def done(self) -> None:
        self._frames.append(_DONE)

    def take(self) -> bytes:
        if not self._frames:
            return b""
        data = "".join(self._frames).encode("ascii")
        self._frames.clear()
        return data
