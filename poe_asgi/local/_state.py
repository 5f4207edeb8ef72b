"""What all surfaces of `FakePoe` share: who may call, what is scripted, what happened."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any, Literal
from uuid import uuid4

from ..protocol import ErrorEvent, QueryRequest, Settings
from ._asgi import HttpAnswer, Incoming
from ._errors import Outages, Surface, http_error
from ._play import Play
from ._played import Played
from ._records import Call, PointsEntry, Records, fingerprint, without_keys, without_secrets
from ._scripts import Scripts

POINTS_PER_CALL = 10


class State:
    """One Poe."""

    def __init__(self, *, keys: Collection[str] | None, only_scripted: bool) -> None:
        self._keys = frozenset(keys) if keys is not None else None
        self._only_scripted = only_scripted
        self.scripts = Scripts()
        self.outages = Outages()
        self.records = Records()
        self.declared: Mapping[str, int] | None = None
        self.cost_statuses: list[str | None] = ["success"]
        self.models: dict[str, dict[str, Any]] = {}
        self.balance = 1_000_000
        self._made: Counter[tuple[str, str]] = Counter()

    # ---- who may call

    def accepts(self, key: str) -> bool:
        """Whether this key opens the door: any, or one of those given, or a served bot's own."""
        return bool(key) if self._keys is None else key in self._keys | self.scripts.access_keys()

    def refusal(self, surface: Surface, *, key_accepted: bool) -> HttpAnswer | None:
        """The outage that this call meets, or 401 for its key."""
        return self.outages.take(surface) or (
            None if key_accepted else http_error(401, "The key is missing or not valid.")
        )

    # ---- calls of bots and models

    def note(
        self,
        surface: Literal["bot", "chat"],
        called: str,
        query: QueryRequest,
        body: Mapping[str, Any],
        request: Incoming,
    ) -> Call:
        """Write this call down."""
        key = bearer(request.headers)
        name = self.scripts.name(called)
        call = Call(
            bot=name,
            surface=surface,
            number=1 + sum(before.bot == name for before in self.records.calls),
            request=query,
            body=without_keys(body),
            headers=without_secrets(request.headers),
            key=fingerprint(key),
            key_accepted=self.accepts(key),
        )
        self.records.calls.append(call)
        return call

    def is_unknown(self, name: str) -> bool:
        """Whether there is no such bot."""
        return self._only_scripted and name not in self.scripts

    def undeclared(self, call: Call) -> ErrorEvent | None:
        """What Poe says to a call that is not declared, or that is one too many for its message (status 200)."""
        message_id = call.request.message_id
        if self.declared is None or not message_id:  # a script calls without an id, and declares nothing
            return None
        made, name = self._made, call.bot.casefold()
        made[message_id, name] += 1
        allowed = {bot.casefold(): calls for bot, calls in self.declared.items()}.get(name, 0)
        if made[message_id, name] <= allowed:
            return None
        text = f"Message {message_id} was called on bot {call.bot} that has 0 or undefined call count in settings."
        return ErrorEvent(text=text, allow_retry=False)

    def declare(self, calls: Mapping[str, int] | None) -> None:
        """Hold calls against these dependencies. Raises ConfigurationError for wrong ones, such as over 100 in all."""
        self.declared = None if calls is None else Settings(server_bot_dependencies=calls).server_bot_dependencies

    def next_cost_status(self) -> str | None:
        """How the next charge ends. The last of the statuses stays."""
        return self.cost_statuses.pop(0) if len(self.cost_statuses) > 1 else self.cost_statuses[0]

    async def answer(self, call: Call) -> HttpAnswer | Play:
        """What the bot answers; it is written down as it is played."""
        answer = await self.scripts.answer(call)
        played = Played(call=call, stand_in=self.scripts.is_stand_in(call.bot))
        self.records.played.append(played)
        if isinstance(answer, HttpAnswer):
            played.refused = answer
            return answer
        return replace(answer, steps=played.watch(answer.steps))

    def bill(self, call: Call) -> None:
        """An answered call costs points."""
        self.balance -= POINTS_PER_CALL
        self.records.points.append(
            PointsEntry(
                bot_name=call.bot,
                query_id=uuid4().hex,
                cost_points=POINTS_PER_CALL,
                creation_time=time.time_ns() // 1000,
            )
        )


def bearer(headers: Mapping[str, str]) -> str:
    """The key of a Bearer header; ``""`` without one."""
    scheme, _, key = headers.get("authorization", "").partition(" ")
    return key.strip() if scheme.lower() == "bearer" else ""
