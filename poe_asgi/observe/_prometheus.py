"""`PrometheusObserver`: counters and histograms for `prometheus-client`, and the page that is scraped."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    REGISTRY,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    generate_latest,
)
from prometheus_client.multiprocess import MultiProcessCollector

from .._watch import UpstreamCall, UpstreamEnd
from ..errors import ConfigurationError
from ._observer import Observer, Query, QueryEnd, QueryError

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
ASGIApp = Callable[[Message, Receive, Send], Awaitable[None]]

# Names that may come from what users write: a bot may let them choose the bot it calls.
_NAMES = 100
_LONGEST_NAME = 100

_FIRST_SECONDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
_SECONDS = (0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1800, 3600)


class PrometheusObserver(Observer):
    """Counts for Prometheus. One may observe several apps.

    ``path``, such as ``/metrics``, is where the apps it observes serve them, without a key; by default nowhere, and
    ``metrics`` is the ASGI app to serve elsewhere. ``registry`` is that of prometheus-client unless another one is
    given. With the variable PROMETHEUS_MULTIPROC_DIR the page adds up all processes.
    """

    def __init__(self, path: str | None = None, *, registry: CollectorRegistry = REGISTRY) -> None:
        self._registry = registry
        self._names: set[str] = set()
        self.metrics: ASGIApp = _Page(registry)
        self.routes: Mapping[str, ASGIApp] = {} if path is None else {path: self.metrics}
        try:
            self._declare()
        except ValueError:
            raise ConfigurationError(
                "The registry has these metrics already: let one PrometheusObserver observe all apps, "
                "or give another registry=CollectorRegistry()."
            ) from None

    def _declare(self) -> None:
        to = self._registry
        self._queries = Counter(
            "poe_asgi_queries_total", "Queries that ended: answered, error, left", ["bot", "outcome"], registry=to
        )
        self._open = Gauge(
            "poe_asgi_open_streams",
            "Answers that are under way",
            ["bot"],
            registry=to,
            multiprocess_mode="livesum",
        )
        self._first = Histogram(
            "poe_asgi_first_event_seconds",
            "From the request to the first event after meta",
            ["bot"],
            registry=to,
            buckets=_FIRST_SECONDS,
        )
        self._seconds = Histogram(
            "poe_asgi_query_seconds", "From the request to the end", ["bot"], registry=to, buckets=_SECONDS
        )
        self._events = Counter("poe_asgi_events_total", "Events that were written", ["bot"], registry=to)
        self._characters = Counter("poe_asgi_characters_total", "Characters that users see", ["bot"], registry=to)
        self._limits = Counter("poe_asgi_limits_hit_total", "Limits that were hit", ["bot", "limit"], registry=to)
        self._errors = Counter("poe_asgi_errors_total", "Answers that ended in an error", ["bot", "kind"], registry=to)
        self._abandoned = Counter(
            "poe_asgi_abandoned_handlers_total", "Handlers that ignored their cancellation", ["bot"], registry=to
        )
        called = ["bot", "api", "name"]
        self._calls = Counter(
            "poe_asgi_upstream_calls_total",
            "Calls of bots and models that ended; error is empty where there was none",
            [*called, "error"],
            registry=to,
        )
        self._call_first = Histogram(
            "poe_asgi_upstream_first_event_seconds",
            "From a call to its first content",
            called,
            registry=to,
            buckets=_FIRST_SECONDS,
        )
        self._call_seconds = Histogram(
            "poe_asgi_upstream_seconds", "From a call to its end", called, registry=to, buckets=_SECONDS
        )
        self._tokens = Counter(
            "poe_asgi_upstream_tokens_total",
            "Tokens that models told of, input and output",
            [*called, "type"],
            registry=to,
        )

    # ---- what happens

    def query_started(self, query: Query) -> None:
        self._open.labels(query.bot).inc()

    def first_event(self, query: Query, seconds: float) -> None:
        self._first.labels(query.bot).observe(seconds)

    def limit_hit(self, query: Query, limit: str) -> None:
        self._limits.labels(query.bot, limit).inc()

    def error(self, query: Query, error: QueryError) -> None:
        self._errors.labels(query.bot, error.kind).inc()

    def handler_abandoned(self, query: Query) -> None:
        self._abandoned.labels(query.bot).inc()

    def query_ended(self, query: Query, end: QueryEnd) -> None:
        self._open.labels(query.bot).dec()
        self._queries.labels(query.bot, end.outcome).inc()
        self._seconds.labels(query.bot).observe(end.seconds)
        self._events.labels(query.bot).inc(end.events)
        self._characters.labels(query.bot).inc(end.characters)

    def call_ended(self, query: Query, call: UpstreamCall, end: UpstreamEnd) -> None:
        labels = (query.bot, call.api, self._bounded(call.name))
        self._calls.labels(*labels, end.error or "").inc()
        self._call_seconds.labels(*labels).observe(end.seconds)
        if end.first_seconds is not None:
            self._call_first.labels(*labels).observe(end.first_seconds)
        for kind, tokens in (("input", end.input_tokens), ("output", end.output_tokens)):
            if tokens:
                self._tokens.labels(*labels, kind).inc(tokens)

    def _bounded(self, name: str) -> str:
        """The name, or ``other`` once there are so many that they cannot all be the author's; none is long."""
        name = name[:_LONGEST_NAME]
        if len(self._names) < _NAMES:
            self._names.add(name)
        return name if name in self._names else "other"


class _Page:
    """What is scraped, as an ASGI app."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._registry = registry

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        registry = self._registry
        if "PROMETHEUS_MULTIPROC_DIR" in os.environ:
            registry = CollectorRegistry()
            MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
        headers = [(b"content-type", CONTENT_TYPE_LATEST.encode("ascii"))]  # in lower case, as HTTP/2 has them
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": generate_latest(registry)})
