"""Who is told of the calls that are made to other bots and models while a query is being answered.

A seam between the client, which makes the calls, and the observers of a server, which the client knows nothing of.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Literal, Protocol


@dataclass(frozen=True, slots=True, eq=False)
class UpstreamCall:
    """One call of another ``bot``, or of a ``model`` of the OpenAI-compatible API, with all its tries."""

    api: Literal["bot", "model"]
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class UpstreamEnd:
    """How a call ended.

    ``seconds`` is how long it took, ``first_seconds`` until the first content came, None if none did. ``error`` is the
    class of what it failed with; None also for one that was not read to its end. ``model`` is the name that came back,
    and the tokens are those that the answer told of.
    """

    seconds: float
    first_seconds: float | None = None
    error: str | None = None
    model: str | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None


class CallWatch(Protocol):
    """Is told of calls; must not raise."""

    def call_started(self, call: UpstreamCall) -> Mapping[str, str]:
        """Headers to send along."""
        ...

    def call_ended(self, call: UpstreamCall, end: UpstreamEnd) -> None: ...


call_watch: ContextVar[CallWatch | None] = ContextVar("poe_asgi_call_watch", default=None)
