"""What a rule is, and where rules come from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

Level = Literal["error", "warning"]

SOURCES: Final[Mapping[str, str]] = {
    "spec": "Poe's protocol specification",
    "guide": "Poe's creator guides",
    "sse": "the WHATWG standard for server-sent events",
    "http": "the HTTP standard, RFC 9110",
    "seen": "how Poe was seen to act, which its documents do not tell",
    "practice": "good practice, which Poe does not ask for",
}

Row: TypeAlias = tuple[str, Level, str, str, str]


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule: its stable id, how grave breaking it is, what it asks for, and where it comes from.

    ``source`` is a key of SOURCES, ``fix`` says what to do, in any language a bot is written in, and ``topic`` is the
    heading under which reports list it.
    """

    id: str
    level: Level
    sentence: str
    source: str
    fix: str
    topic: str


def about(topic: str, *rows: Row) -> tuple[Rule, ...]:
    """Rules of one topic, each written as its other fields in their order."""
    return tuple(Rule(*row, topic) for row in rows)
