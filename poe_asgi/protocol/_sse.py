r"""Server-sent events: frames out, bytes in.

Out: ``event: <type>``, one ``data:`` line of ASCII-escaped JSON, a blank line. Escaping everything outside ASCII keeps
U+2028, U+0085 and lone surrogates away from parsers that split lines at them.

In: the WHATWG algorithm (LF, CR or CRLF, a BOM, comments, several ``data:`` lines, ``id`` and ``retry`` ignored, an
event without data not dispatched), fed with any cut of the bytes and bounded in the size of a line and of an event.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from json.encoder import encode_basestring_ascii as quote
from typing import Any, NamedTuple

from ..errors import SSEError

PING = b": ping\r\n\r\n"


def text_frame(kind: str, text: str) -> str:
    """The frame of an event whose only field is ``text``."""
    return f'event: {kind}\r\ndata: {{"text": {quote(text)}}}\r\n\r\n'


def frame(kind: str, data: Mapping[str, Any]) -> str:
    """The frame of any event. Raises ValueError for values JSON cannot carry (NaN, infinity)."""
    return f"event: {kind}\r\ndata: {json.dumps(data, allow_nan=False)}\r\n\r\n"


class ServerSentEvent(NamedTuple):
    """One dispatched event: its type (``message`` when none was given) and its data lines joined by LF."""

    type: str
    data: str


class SSEParser:
    """Bytes in any cut, events out.

    ``max_line`` and ``max_event`` are bytes; beyond them `feed` raises SSEError, and the parser is not to be fed again.
    """

    __slots__ = ("_after_cr", "_data", "_max_event", "_max_line", "_size", "_start", "_tail", "_type", "invalid_utf8")

    def __init__(self, *, max_line: int = 2**22, max_event: int = 2**23) -> None:
        self._max_line = max_line
        self._max_event = max_event
        self._tail = bytearray()  # an unfinished line
        self._type = b""
        self._data: list[bytes] = []
        self._size = 0  # bytes of the event being collected
        self._start = True
        self._after_cr = False
        self.invalid_utf8 = False

    @property
    def unfinished(self) -> bool:
        """Whether bytes were fed that no dispatched event or complete comment accounts for: a cut stream."""
        return bool(self._tail or self._data or self._type)

    def feed(self, chunk: bytes) -> list[ServerSentEvent]:
        """The events that this chunk completes. Raises SSEError when a line or an event is too large."""
        if self._after_cr and chunk:
            chunk = chunk.removeprefix(b"\n")
            self._after_cr = False
        self._tail += chunk
        if self._start:
            if len(self._tail) < 3 and b"\xef\xbb\xbf".startswith(self._tail):
                return []
            del self._tail[: 3 if self._tail.startswith(b"\xef\xbb\xbf") else 0]
            self._start = False
        events: list[ServerSentEvent] = []
        if b"\n" in chunk or b"\r" in chunk:
            lines = bytes(self._tail).splitlines()
            self._after_cr = self._tail.endswith(b"\r")
            self._tail = bytearray() if self._tail.endswith((b"\n", b"\r")) else bytearray(lines.pop())
            events = self._read(lines)
        self._check(len(self._tail))
        return events

    def _read(self, lines: list[bytes]) -> list[ServerSentEvent]:
        self._check(max(map(len, lines)))
        events: list[ServerSentEvent] = []
        for line in lines:
            if not line:
                if self._data:
                    data = self._decode(b"\n".join(self._data))
                    events.append(ServerSentEvent(self._decode(self._type or b"message"), data))
                self._type, self._data, self._size = b"", [], 0
                continue
            name, _, value = line.partition(b":")
            if name == b"data":
                value = value.removeprefix(b" ")
                self._data.append(value)
                self._size += len(value) + 1  # its line feed
                if self._size > self._max_event:  # by nothing but the data: a cut must make no difference
                    raise SSEError(f"An event of the stream is larger than {self._max_event:,} bytes.")
            elif name == b"event":
                self._type = value.removeprefix(b" ")
        return events

    def _decode(self, raw: bytes) -> str:
        try:
            return raw.decode()
        except UnicodeDecodeError:
            self.invalid_utf8 = True
            return raw.decode("utf-8", "replace")

    def _check(self, line: int) -> None:
        if line > self._max_line:
            raise SSEError(f"A line of the event stream is longer than {self._max_line:,} bytes.")
