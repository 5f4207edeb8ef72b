"""`Observer`, the protocol, and the values it is given."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, Protocol

from .._watch import UpstreamCall, UpstreamEnd


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Query:
    """A question that is being answered; as good as a key in a dictionary.

    ``bot`` is the bot's name, or its path where it has none. ``headers`` are those of the HTTP request, in lower case,
    without what may hold a secret of this bot; they are there for the context of a trace.
    """

    bot: str
    message_id: str
    conversation_id: str
    user_id: str
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class QueryError:
    """An `error` event that went out.

    ``kind`` is the class of what a handler raised, the rule that was broken, the limit of `Admission`, or
    ``restarting``. ``error_id`` is what user and log were told.
    """

    kind: str
    error_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class QueryEnd:
    """How an answer ended: it was ``answered``, ended in an ``error``, or its reader ``left`` before its end.

    ``seconds`` are counted from the request to the end of the handler, ``first_event_seconds`` to the first event after
    `meta`, None if none came. ``events`` is what was written, ``characters`` what the user would see.
    """

    outcome: Literal["answered", "error", "left"]
    seconds: float
    first_event_seconds: float | None
    events: int
    characters: int


class Observer(Protocol):
    """Sees what an app does. A subclass writes the methods it needs; the others do nothing.

    The methods are called on the event loop, between two steps of an answer: they must not block. What they raise is
    logged, and harms no answer.
    """

    # Each has a `return`: a type checker takes an empty body for an abstract method.

    def query_started(self, query: Query) -> None:
        """A query came. Context variables that are set here are those of its handler."""
        return

    def first_event(self, query: Query, seconds: float) -> None:
        """The first event after `meta` goes out, so many seconds after the request came."""
        return

    def limit_hit(self, query: Query, limit: str) -> None:
        """The query was refused, or its answer cut: ``limit`` is a limit of `Admission`, or the rule for an answer."""
        return

    def error(self, query: Query, error: QueryError) -> None:
        """The answer ends in an `error`."""
        return

    def handler_abandoned(self, query: Query) -> None:
        """The handler ignored every cancellation; it may be running for ever."""
        return

    def query_ended(self, query: Query, end: QueryEnd) -> None:
        """The answer is over. Always the last for a query, but for calls of tasks that live on."""
        return

    def call_started(self, query: Query, call: UpstreamCall) -> Mapping[str, str] | None:
        """The handler calls another bot or model. What is returned goes along as headers."""
        return None

    def call_ended(self, query: Query, call: UpstreamCall, end: UpstreamEnd) -> None:
        """That call is over."""
        return
