"""How a test fails: with the rule that was broken, or the answer that should not have come, and what led there."""

from __future__ import annotations

from collections.abc import Sequence
from reprlib import Repr

from ..errors import PoeASGIError
from ..protocol import Data, ErrorEvent, File, Meta, ReplaceResponse, Reply, StreamEvent, SuggestedReply, Text, Unknown

_SHOWN = 10  # events from each end of a long answer

_short = Repr()
_short.maxstring = 72

_HINTS = {
    401: "Give the key of its bot, `poe_tester(app, access_key=…)`, or build it with `allow_without_key=True`.",
    404: "Give the path of its bot, `poe_tester(app, path=…)`.",
    405: "Give the path of its bot, `poe_tester(app, path=…)`.",
    501: "A server answers this to a type of request it does not know.",
}


class RuleBrokenError(PoeASGIError, AssertionError):
    """The bot broke rules of the protocol. ``rules`` are their ids, ``reply`` is what came until then."""

    def __init__(self, rules: tuple[str, ...], reply: Reply) -> None:
        lines: list[str] = []  # the first is all that the summary of a test run shows
        for violation in reply.violations:
            if violation.rule.id in rules:
                lines += [f"{violation.rule.id}: {violation.rule.sentence}", f"  Seen: {violation.detail}"]
        lines += ["", "The events so far:", *listing(reply.events)]
        lines += ["", f"To accept this, write `poe_tester(bot, allow={rules!r})`."]
        super().__init__("\n".join(lines))
        self.rules = rules
        self.reply = reply


class UnexpectedAnswerError(PoeASGIError, AssertionError):
    """The server answered something else than Poe needs: another status than 200, or another content type.

    ``status`` is 0 when there was no answer at all; ``body`` is the beginning of what came.
    """

    def __init__(self, message: str, *, status: int = 0, body: str = "") -> None:
        hint = _HINTS.get(status, "")
        super().__init__("\n".join(line for line in (message, body, hint) if line))
        self.status = status
        self.body = body


class RealPoeError(PoeASGIError, AssertionError):
    """A test was about to call the real Poe."""


def listing(events: Sequence[StreamEvent]) -> list[str]:
    """One line for each event, with the middle of a long answer left out."""
    lines = [f"  {number:>3}  {_line(event)}".rstrip() for number, event in enumerate(events, 1)]
    if len(lines) > 2 * _SHOWN:
        lines[_SHOWN:-_SHOWN] = [f"  ...  {len(lines) - 2 * _SHOWN} more"]
    return lines or ["  none"]


def _line(event: StreamEvent) -> str:
    match event:
        case Text(text) | ReplaceResponse(text) | SuggestedReply(text) | Data(text):
            return f"{event.kind:<16} {_short.repr(text)}"
        case ErrorEvent():
            return f"{event.kind:<16} {_short.repr(event.text)}, allow_retry={event.allow_retry}"
        case File(name=name, content_type=content_type):
            return f"{event.kind:<16} {_short.repr(name)}, {content_type}"
        case Meta(content_type=content_type):
            return f"{event.kind:<16} {content_type}"
        case Unknown(kind):
            return f"{_short.repr(kind)} (unknown, or not as it should be)"
        case _:
            return event.kind
