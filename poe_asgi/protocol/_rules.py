"""The one list of rules a bot server is judged by. Every other module names a rule by its id.

``error`` rules make an answer wrong; ``warning`` rules are worth knowing and leave it clean. ``source`` names where
the rule stands: *spec* (Poe's protocol specification), *sse* (the WHATWG standard), *guide* (Poe's creator guides).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Level = Literal["error", "warning"]


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule: its stable id, how grave breaking it is, what it asks for, and where it comes from."""

    id: str
    level: Level
    sentence: str
    source: str


def _rules(*rules: Rule) -> dict[str, Rule]:
    return {rule.id: rule for rule in rules}


RULES = _rules(
    # order
    Rule("meta-first", "error", "The first event is `meta`.", "spec"),
    Rule("meta-once", "error", "`meta` is sent once.", "spec"),
    Rule("error-ends", "error", "After `error` only `done` follows.", "spec"),
    Rule("done-last", "error", "Nothing follows `done`.", "spec"),
    Rule("done-missing", "error", "The stream ends with `done`.", "spec"),
    Rule("content-required", "error", "An answer has at least one `text` or `error`.", "spec"),
    # framing and fields
    Rule("sse-framing", "error", "The body is UTF-8 server-sent events; the last event is complete.", "sse"),
    Rule("data-json", "error", "The data of every event is a JSON object.", "spec"),
    Rule("event-fields", "error", "An event has its fields, each of its type.", "spec"),
    Rule("event-known", "warning", "The event type is one the protocol knows.", "spec"),
    Rule("event-json", "warning", "A server bot sends no `json` events; they are Poe's own.", "spec"),
    Rule("meta-content-type", "warning", "`content_type` is `text/markdown` or `text/plain`.", "spec"),
    # limits
    Rule("time-to-first", "error", "The first event arrives within 5 seconds.", "spec"),
    Rule("time-limit", "error", "The answer ends within the total time.", "spec"),
    Rule("text-limit", "error", "The text the user would see stays within the character limit.", "spec"),
    Rule("text-sum", "warning", "The text of all events together stays within the character limit.", "spec"),
    Rule("event-limit", "error", "The answer stays within the event limit.", "spec"),
    Rule("file-limit", "error", "The answer stays within the file limit.", "guide"),
    # advice
    Rule("inline-ref-order", "warning", "A file comes before the text that shows it inline.", "spec"),
    Rule("suggested-replies", "warning", "At most 3 suggested replies.", "guide"),
    Rule("data-once", "warning", "At most one `data` event; the last one wins.", "guide"),
)
