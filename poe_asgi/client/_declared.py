"""What a bot declared it would call, held against what it calls: Poe refuses the rest."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

log = logging.getLogger("poe_asgi.client")


@dataclass(slots=True)
class Declared:
    """The dependencies of one bot. ``calls`` is None where they cannot be known. Each mistake is logged once."""

    bot: str
    calls: Mapping[str, int] | None
    warned: set[str] = field(default_factory=set)

    def check(self, name: str, made: Counter[str]) -> None:
        """Note one more call of ``name`` among those ``made`` for a query, and warn if it is one too many."""
        made[name] += 1
        if self.calls is None or made[name] <= self.calls.get(name, 0) or name in self.warned:
            return
        self.warned.add(name)
        log.warning(
            "%s calls %s more often than declared, and Poe will refuse that; write `bot.uses(%r, calls=%d)` "
            "and push the settings.",
            self.bot,
            name,
            name,
            made[name],
        )
