"""`ResponseReader`: judges a stream of bytes, and tells what it said.

It is as tolerant as Poe: whatever comes, it reads on. What breaks a rule is noted by the rule's id, the first time.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pydantic_core import from_json

from ..errors import ResponseError, SSEError
from ._events import (
    Data,
    Done,
    ErrorEvent,
    File,
    Json,
    Meta,
    ReplaceResponse,
    StreamEvent,
    SuggestedReply,
    Text,
    Unknown,
)
from ._limits import Limits
from ._rules import RULES, Rule
from ._sse import SSEParser
from ._states import State, after

FIRST_EVENT_SECONDS = 5
SUGGESTED_REPLIES = 3


@dataclass(frozen=True, slots=True)
class Violation:
    """A broken rule: what was seen, at which event (counted from 1) and how many seconds after the request."""

    rule: Rule
    detail: str
    event: int
    seconds: float


class ResponseReader:
    """One answer being read.

    ``now`` is in seconds on any clock, ``max_line`` and ``max_event`` (bytes) bound what an unfriendly server can make
    it hold.
    """

    def __init__(
        self, limits: Limits | None = None, *, now: float = 0.0, max_line: int = 2**22, max_event: int = 2**23
    ) -> None:
        self.limits = limits or Limits()
        self.state = State.IDLE
        self.violations: list[Violation] = []
        self.events = 0
        self.meta: Meta | None = None
        self.error: ErrorEvent | None = None
        self.files: list[File] = []
        self.suggested_replies: list[str] = []
        self.data: str | None = None
        self._parser = SSEParser(max_line=max_line, max_event=max_event)
        self._started = self._now = now
        self._text: list[str] = []
        self._visible = 0
        self._all_characters = 0
        self._said_text = False

    @property
    def text(self) -> str:
        """What the user sees."""
        if len(self._text) > 1:
            self._text = ["".join(self._text)]
        return self._text[0] if self._text else ""

    @property
    def clean(self) -> bool:
        """Whether no rule of level ``error`` was broken so far."""
        return all(violation.rule.level != "error" for violation in self.violations)

    def feed(self, chunk: bytes, now: float = 0.0) -> list[StreamEvent]:
        """The events that this chunk completes. Raises SSEError when a line or an event passes its bound."""
        self._now = now
        try:
            parsed = self._parser.feed(chunk)
        except SSEError as exc:
            self._note("sse-framing", str(exc))
            raise
        return [self._read(kind, data) for kind, data in parsed]

    def end(self, now: float = 0.0) -> None:
        """The stream is over: judge what is missing."""
        self._now = now
        if self._parser.unfinished:
            self._note("sse-framing", "The stream ends inside an event.")
        if self._parser.invalid_utf8:
            self._note("sse-framing", "The stream is not UTF-8.")
        if self.state is not State.DONE:
            self._note("done-missing", f"The stream ends after {self.events} events without `done`.")
            self._check_content()
        if not self.events:
            self._check_first()
        self._check_total()

    # ---- one event

    def _read(self, kind: str, raw: str) -> StreamEvent:
        self.events += 1
        if self.events == 1:
            self._check_first()
        if self.events == self.limits.events + 1:
            self._note("event-limit", f"More than {self.limits.events:,} events.")
        event = self._parse(kind, raw)
        if not isinstance(event, Unknown):
            self._advance(event.kind)
            self._take(event)
        return event

    def _parse(self, kind: str, raw: str) -> StreamEvent:
        data = _loads(raw)
        if not isinstance(data, dict):
            self._note("data-json", f"The data of `{kind}` is not a JSON object.")
            data = {}
            if kind != "done":
                return Unknown(kind)
        read = _READERS.get(kind)
        if read is None:
            self._note("event-known", f"The event type {kind[:80]!r} is unknown.")
            return Unknown(kind, data)
        try:
            return read(data)
        except _FieldError as exc:
            self._note("event-fields", f"`{kind}`: {exc}")
            return Unknown(kind, data)

    def _advance(self, kind: str) -> None:
        try:
            self.state = after(self.state, kind)
        except ResponseError as exc:
            self._note(exc.rule, str(exc))
            if self.state is State.IDLE:
                self.state = after(State.OPEN, kind)

    def _take(self, event: StreamEvent) -> None:
        match event:
            case Text(text):
                self._said_text = True
                self._text.append(text)
                self._count(self._visible + len(text), len(text))
            case ReplaceResponse(text):
                self._text = [text]
                self._count(len(text), len(text))
            case SuggestedReply(text):
                self.suggested_replies.append(text)
                if len(self.suggested_replies) > SUGGESTED_REPLIES:
                    self._note("suggested-replies", f"More than {SUGGESTED_REPLIES} suggested replies.")
            case File(inline_ref=ref):
                self.files.append(event)
                if len(self.files) > self.limits.files:
                    self._note("file-limit", f"More than {self.limits.files:,} files.")
                # Not for any number of files: each is looked for in all of the text.
                elif ref is not None and f"][{ref}]" in self.text:
                    self._note("inline-ref-order", f"The text showed [{ref[:80]}] before its file came.")
            case Data(metadata):
                if self.data is not None:
                    self._note("data-once", "More than one `data` event.")
                self.data = metadata
            case Json():
                self._note("event-json", "A `json` event.")
            case Meta(content_type=content_type):
                self.meta = self.meta or event
                if content_type not in {"text/markdown", "text/plain"}:
                    self._note("meta-content-type", f"The content type {content_type[:80]!r} is shown as plain text.")
            case ErrorEvent():
                self.error = self.error or event
            case Done():
                self._check_content()
                self._check_total()

    def _count(self, visible: int, characters: int) -> None:
        self._visible = visible
        self._all_characters += characters
        if visible > self.limits.characters:
            self._note("text-limit", f"The user would see more than {self.limits.characters:,} characters.")
        if self._all_characters > self.limits.characters:
            self._note("text-sum", f"All text together has more than {self.limits.characters:,} characters.")

    # ---- judging

    def _check_first(self) -> None:
        seconds = self._now - self._started
        if seconds > FIRST_EVENT_SECONDS:
            self._note("time-to-first", f"No event came for {seconds:.1f} s.")

    def _check_total(self) -> None:
        seconds = self._now - self._started
        if seconds > self.limits.total_seconds:
            self._note("time-limit", f"The answer took {seconds:.1f} s; the limit is {self.limits.total_seconds:g} s.")

    def _check_content(self) -> None:
        if not self._said_text and self.error is None:
            self._note("content-required", "Neither `text` nor `error` came.")

    def _note(self, rule: str, detail: str) -> None:
        if all(violation.rule.id != rule for violation in self.violations):
            self.violations.append(Violation(RULES[rule], detail, self.events, self._now - self._started))


class _FieldError(Exception):
    pass


def _loads(raw: str) -> Any:
    """The JSON value, or None. pydantic's reader is faster; what it refuses, like lone surrogates, `json` decides."""
    try:
        return from_json(raw, cache_strings="keys")
    except ValueError:
        pass
    try:
        return json.loads(raw)
    except (ValueError, RecursionError):
        return None


def _field(data: dict[str, Any], name: str, kind: type | tuple[type, ...], default: Any = ...) -> Any:
    value = data.get(name, default)
    if value is ...:
        raise _FieldError(f"{name!r} is missing.")
    if value is not default and not isinstance(value, kind):
        raise _FieldError(f"{name!r} is of the wrong type.")
    return value


def _meta(data: dict[str, Any]) -> Meta:
    return Meta(
        content_type=_field(data, "content_type", str, "text/markdown"),
        suggested_replies=_field(data, "suggested_replies", bool, default=False),
        linkify=_field(data, "linkify", bool, None),
        refetch_settings=_field(data, "refetch_settings", bool, None),
    )


def _file(data: dict[str, Any]) -> File:
    return File(
        url=_field(data, "url", str),
        name=_field(data, "name", str),
        content_type=_field(data, "content_type", str),
        inline_ref=_field(data, "inline_ref", str, None),
    )


def _error(data: dict[str, Any]) -> ErrorEvent:
    return ErrorEvent(
        text=_field(data, "text", str, ""),
        allow_retry=_field(data, "allow_retry", bool, default=True),
        error_type=_field(data, "error_type", str, None),
    )


_READERS: dict[str, Callable[[dict[str, Any]], StreamEvent]] = {
    "meta": _meta,
    "text": lambda data: Text(_field(data, "text", str)),
    "replace_response": lambda data: ReplaceResponse(_field(data, "text", str)),
    "suggested_reply": lambda data: SuggestedReply(_field(data, "text", str)),
    "file": _file,
    "data": lambda data: Data(_field(data, "metadata", str)),
    "json": Json,
    "error": _error,
    "done": lambda _: Done(),
}
