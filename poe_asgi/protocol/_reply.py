"""`Reply`: a whole answer, as a caller or a test gets it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ._events import ErrorEvent, File, Meta, StreamEvent
from ._reader import ResponseReader, Violation
from ._tool_rounds import ToolCall, ToolRound


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """One answer; ``str(reply)`` is its text.

    ``text`` is what the user sees, after all replacing. ``data`` is the metadata the answer stored. ``events`` are all
    events in order, as they came; ``error`` is the `error` event, if it ended with one. ``violations`` are the rules it
    broke. ``first_event_seconds`` and ``seconds`` count from the call. ``tool_rounds`` are the tool calls that were run
    on the way, ``tool_calls`` those that are left for the caller to answer.
    """

    text: str = ""
    files: tuple[File, ...] = ()
    suggested_replies: tuple[str, ...] = ()
    data: str | None = None
    events: tuple[StreamEvent, ...] = ()
    meta: Meta | None = None
    error: ErrorEvent | None = None
    violations: tuple[Violation, ...] = ()
    first_event_seconds: float | None = None
    seconds: float = 0.0
    tool_calls: tuple[ToolCall, ...] = ()
    tool_rounds: tuple[ToolRound, ...] = ()

    def __str__(self) -> str:
        return self.text

    @classmethod
    def of(
        cls,
        reader: ResponseReader,
        events: Sequence[StreamEvent],
        *,
        first_event_seconds: float | None = None,
        seconds: float = 0.0,
    ) -> Reply:
        """What this reader has read."""
        return cls(
            text=reader.text,
            files=tuple(reader.files),
            suggested_replies=tuple(reader.suggested_replies),
            data=reader.data,
            events=tuple(events),
            meta=reader.meta,
            error=reader.error,
            violations=tuple(reader.violations),
            first_event_seconds=first_event_seconds,
            seconds=seconds,
        )
