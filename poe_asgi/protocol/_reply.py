"""`Reply`: a whole answer, as a caller or a test gets it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, fields

from ._events import ErrorEvent, File, Meta, StreamEvent
from ._reader import ResponseReader, Violation
from ._tool_rounds import ToolCall, ToolRound

_USUAL = (None, (), Meta())  # values that a repr leaves out


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Reply:
    """One answer; ``str(reply)`` is its text.

    ``text`` is what the user sees, after all replacing. ``data`` is the metadata the answer stored. ``events`` are all
    events in order, as they came; ``error`` is the `error` event, if it ended with one. ``violations`` are the rules it
    broke. ``first_event_seconds`` and ``seconds`` count from the call. ``tool_rounds`` are the tool calls that were run
    on the way, ``tool_calls`` those that are left for the caller to answer. Replies are compared without their times.
    """

    text: str = ""
    files: tuple[File, ...] = ()
    suggested_replies: tuple[str, ...] = ()
    data: str | None = None
    events: tuple[StreamEvent, ...] = field(default=(), repr=False)
    meta: Meta | None = None
    error: ErrorEvent | None = None
    violations: tuple[Violation, ...] = ()
    first_event_seconds: float | None = field(default=None, repr=False, compare=False)
    seconds: float = field(default=0.0, repr=False, compare=False)
    tool_calls: tuple[ToolCall, ...] = ()
    tool_rounds: tuple[ToolRound, ...] = ()

    def __repr__(self) -> str:
        """What there is, in a line that reads alike from run to run: no times, and no events; the rest sums them up."""
        values = {each.name: getattr(self, each.name) for each in fields(self) if each.repr}
        values["violations"] = tuple(violation.rule.id for violation in self.violations)
        shown = (f"{name}={value!r}" for name, value in values.items() if name == "text" or value not in _USUAL)
        return f"Reply({', '.join(shown)})"

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
