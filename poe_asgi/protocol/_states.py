"""The states of an answer and what may happen in each: one table, for the side that writes and the side that reads.

IDLE ──meta──▶ OPEN ──done──▶ DONE
               │  ▲ text, replace_response,     ▲
               │  └ suggested_reply, file,      │
               │    data, json                  │
               └──error──▶ FAILED ──done────────┘
"""

from __future__ import annotations

from enum import Enum

from ..errors import ResponseError
from ._rules import RULES


class State(Enum):
    """Where an answer stands. IDLE: nothing sent yet. FAILED: `error` sent, `done` still owed."""

    IDLE = "idle"
    OPEN = "open"
    FAILED = "failed"
    DONE = "done"

    __hash__ = object.__hash__  # an Enum's own is Python code, and the table is asked for every event


CONTENT = frozenset({"text", "replace_response", "suggested_reply", "file", "data", "json"})

TRANSITIONS: dict[State, dict[str, State]] = {
    State.IDLE: {"meta": State.OPEN},
    State.OPEN: {**dict.fromkeys(CONTENT, State.OPEN), "error": State.FAILED, "done": State.DONE},
    State.FAILED: {"done": State.DONE},
    State.DONE: {},
}

# The rule that an event breaks when the table has no transition for it. An open answer refuses nothing but `meta`.
_BROKEN = {
    State.IDLE: RULES["meta-first"],
    State.OPEN: RULES["meta-once"],
    State.FAILED: RULES["error-ends"],
    State.DONE: RULES["done-last"],
}


def after(state: State, kind: str) -> State:
    """The state after an event of this kind. Raises ResponseError with the broken rule where it may not come."""
    try:
        return TRANSITIONS[state][kind]
    except KeyError:
        rule = _BROKEN[state]
        raise ResponseError(rule.id, f"`{kind}` may not be sent now: {rule.sentence}") from None
