"""One query, and all who observe it: whatever they raise ends here."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from inspect import iscoroutinefunction
from typing import Any

from .._watch import UpstreamCall, UpstreamEnd, call_watch
from ..errors import ConfigurationError
from ._observer import Observer, Query, QueryEnd, QueryError

log = logging.getLogger("poe_asgi.observe")


_METHODS = [name for name in vars(Observer) if not name.startswith("_")]


def checked(observers: Sequence[Observer]) -> tuple[Observer, ...]:
    """The observers, each of which has every method. Raises ConfigurationError."""
    if not isinstance(observers, Sequence):
        raise ConfigurationError("observers= takes a list: observers=[PrometheusObserver()].")
    for observer in observers:
        if isinstance(observer, type) or not all(callable(getattr(observer, name, None)) for name in _METHODS):
            raise ConfigurationError(f"{observer!r} is no observer: give an instance of a class derived from Observer.")
        for name in _METHODS:
            if iscoroutinefunction(getattr(observer, name)):
                raise ConfigurationError(
                    f"{name} of {type(observer).__name__} must be a plain function, without async."
                )
    return tuple(observers)


class QueryWatch:
    """Tells every observer of one query."""

    __slots__ = ("_observers", "query")

    def __init__(self, observers: Sequence[Observer], query: Query) -> None:
        self._observers = observers
        self.query = query

    def started(self) -> None:
        """The query came. To be called in the context its handler will have."""
        call_watch.set(self)
        self._tell("query_started")

    def first_event(self, seconds: float) -> None:
        self._tell("first_event", seconds)

    def limit_hit(self, limit: str) -> None:
        self._tell("limit_hit", limit)

    def error(self, kind: str, error_id: str | None = None) -> None:
        self._tell("error", QueryError(kind=kind, error_id=error_id))

    def handler_abandoned(self) -> None:
        self._tell("handler_abandoned")

    def ended(self, end: QueryEnd) -> None:
        self._tell("query_ended", end)

    def call_started(self, call: UpstreamCall) -> Mapping[str, str]:
        headers: dict[str, str] = {}
        for observer, more in zip(self._observers, self._tell("call_started", call), strict=True):
            if isinstance(more, Mapping):
                headers.update(more)
            elif more is not None:
                log.error("call_started of the observer %s returned no headers", type(observer).__qualname__)
        return headers

    def call_ended(self, call: UpstreamCall, end: UpstreamEnd) -> None:
        self._tell("call_ended", call, end)

    def _tell(self, method: str, *args: object) -> list[Any]:
        """What the observers return; None for one that raised."""
        told = []
        for observer in self._observers:
            try:
                told.append(getattr(observer, method)(self.query, *args))
            except Exception:
                told.append(None)
                log.exception("%s of the observer %s failed", method, type(observer).__qualname__)
        return told
