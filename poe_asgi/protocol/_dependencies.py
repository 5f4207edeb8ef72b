"""Other bots that a bot calls."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Dependency:
    """Another bot that this one calls, at most ``calls`` times for one message of a user. See `Bot.uses`."""

    name: str
    calls: int = 1

    def __str__(self) -> str:
        return self.name
