"""What went to and fro between Poe, as the playground plays it, and the bot: for the inspector."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from ..errors import SSEError
from ..protocol import (
    Data,
    Done,
    ErrorEvent,
    File,
    Limits,
    Meta,
    ReplaceResponse,
    ResponseReader,
    StreamEvent,
    SuggestedReply,
    Text,
    Unknown,
    Violation,
)

_SHOWN_CHARACTERS = 4_000  # of the raw bytes of one event
_TITLE_CHARACTERS = 60
_KEPT_BODY = 64 * 2**10  # of an answer that is no event stream
COMMENT = "comment"
_ENDS = {b"", b"\n", b"\r"}

_numbers = count(1)


@dataclass(slots=True)
class Frame:
    """One event of an answer, or a comment line: when it came (seconds), its bytes, and the rules that it breaks."""

    number: int
    kind: str
    seconds: float
    raw: bytes
    preview: str = ""
    broken: list[Violation] = field(default_factory=list)

    def to_page(self) -> dict[str, Any]:
        text = self.raw.decode("utf-8", "backslashreplace")
        return {
            "number": self.number,
            "kind": self.kind,
            "seconds": round(self.seconds, 3),
            "bytes": len(self.raw),
            "preview": self.preview,
            "raw": text[:_SHOWN_CHARACTERS],
            "cut": len(text) > _SHOWN_CHARACTERS,
            "broken": [violation_to_page(each) for each in self.broken],
        }


def violation_to_page(violation: Violation) -> dict[str, Any]:
    rule = violation.rule
    return {"id": rule.id, "level": rule.level, "sentence": rule.sentence, "detail": violation.detail}


class Exchange:
    """A request to the bot and what came back. ``now`` and all seconds are those of one clock."""

    def __init__(self, body: Mapping[str, Any], *, now: float, limits: Limits) -> None:
        self.id = next(_numbers)
        self.kind: str = body.get("type", "")
        self.body = body
        self.at = time.time()
        self.limits = limits
        self.status = 0
        self.headers: Mapping[str, str] = {}
        self.frames: list[Frame] = []
        self.streamed = False  # whether the answer is an event stream, as it should be for a query
        self.answer = b""  # where it is none
        self.problem = ""
        self.seconds = 0.0
        self.ended = False
        self.heard: str | None = None  # the text at the event after which Poe listens no more
        self.calls: list[dict[str, Any]] = []  # of other bots, made for this answer
        self.reader = ResponseReader(limits, now=now)
        self._started = now
        self._collected = b""
        self._after_cr = False
        self._judged = 0

    @property
    def first_seconds(self) -> float | None:
        """When the first event came."""
        return next((frame.seconds for frame in self.frames if frame.kind != COMMENT), None)

    def feed(self, chunk: bytes, now: float) -> list[StreamEvent]:
        """The events that the next bytes of the answer complete. Raises SSEError."""
        events: list[StreamEvent] = []
        if self._after_cr and chunk.startswith(b"\n"):  # the other half of the end of a line that was read
            self.reader.feed(b"\n", now)
            if self._collected:
                self._collected += b"\n"
            else:
                self.frames[-1].raw += b"\n"
            chunk, self._after_cr = chunk[1:], False
        if chunk:
            self._after_cr = chunk.endswith(b"\r")
        for line in chunk.splitlines(keepends=True):
            blank = not line.strip(b"\r\n") and self._collected[-1:] in _ENDS  # and not the end of a longer line
            self._collected += line
            try:
                came = self.reader.feed(line, now)
            except SSEError as exc:
                self._add(COMMENT, now)
                self.problem = str(exc)
                raise
            for event in came:
                if self.heard is None and isinstance(event, ErrorEvent | Done):
                    self.heard = self.reader.text
                self._add(event.type if isinstance(event, Unknown) else event.kind, now, _preview(event))
            if not came and blank and self._collected.strip(b"\r\n"):
                self._add(COMMENT, now)  # nothing but comments, as pings are
            events += came
        self.seconds = now - self._started
        return events

    def keep(self, body: bytes, now: float) -> None:
        """The answer, where it is no event stream."""
        self.answer = body[:_KEPT_BODY]
        self.seconds = now - self._started

    def end(self, now: float, *, left: bool = False) -> None:
        """It is over; ``left`` when we did not wait for the end."""
        self.seconds = now - self._started
        self.ended = True
        if self._collected:
            self._add(COMMENT, now)
        if self.streamed and not left:
            self.reader.end(now)
            if len(self.reader.violations) > self._judged and not self.frames:
                self._add("end", now)
            self._judge()

    def summary(self) -> dict[str, Any]:
        """All but the events and the bodies."""
        reader = self.reader
        return {
            "id": self.id,
            "kind": self.kind,
            "title": self._title(),
            "at": self.at,
            "status": self.status,
            "problem": self.problem,
            "seconds": round(self.seconds, 3),
            "first": self.first_seconds,
            "ended": self.ended,
            "count": len(self.frames),
            "broken": [violation_to_page(each) for each in reader.violations],
            "calls": self.calls,
            "used": [
                ["events", reader.events, self.limits.events],
                ["characters", len(reader.text), self.limits.characters],
                ["files", len(reader.files), self.limits.files],
                ["seconds", round(self.seconds, 2), self.limits.total_seconds],
            ]
            if self.kind == "query"
            else [],
        }

    def to_page(self, start: int = 0) -> dict[str, Any]:
        """All of it, with the events from ``start`` on."""
        answer = self.answer.decode("utf-8", "backslashreplace")
        return self.summary() | {
            "body": self.body,
            "headers": dict(self.headers),
            "answer": answer,
            "frames": [frame.to_page() for frame in self.frames[start:]],
        }

    def raw(self) -> bytes:
        """The body of the answer as it came."""
        return b"".join(frame.raw for frame in self.frames) or self.answer

    def _title(self) -> str:
        """What tells it from others of its kind."""
        match self.body:
            case {"query": [*_, {"content": str(said)}]}:
                return said[:_TITLE_CHARACTERS]
            case {"reaction": str(sign)} | {"feedback_type": str(sign)}:
                return sign
        return ""

    def _add(self, kind: str, now: float, preview: str = "") -> None:
        self.frames.append(Frame(len(self.frames) + 1, kind, now - self._started, self._collected, preview))
        self._collected = b""
        self._judge()

    def _judge(self) -> None:
        """Put what the reader has newly found at the last event."""
        new = self.reader.violations[self._judged :]
        self._judged += len(new)
        if new:
            self.frames[-1].broken += new


def _preview(event: StreamEvent) -> str:
    """What an event says, in a few words."""
    match event:
        case Text(said) | ReplaceResponse(said) | SuggestedReply(said) | Data(said):
            return said[:_TITLE_CHARACTERS]
        case ErrorEvent(text=said) | File(name=said) | Meta(content_type=said):
            return said[:_TITLE_CHARACTERS]
    return ""


def breaks(violations: Iterable[Violation], level: str = "error") -> list[Violation]:
    """Those of this level."""
    return [each for each in violations if each.rule.level == level]
