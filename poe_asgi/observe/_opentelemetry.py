"""`OpenTelemetryObserver`: a span for each answer, and one for each call of another bot or model.

A span of a call is never made the current one: a stream is an async generator, whose steps run in the context of
whoever takes them, so what is attached in one step would be current in the caller between two of them. The span of an
answer is attached once, in the context that its handler's task has for itself.
"""

from __future__ import annotations

from collections.abc import Mapping

from opentelemetry import context, propagate, trace
from opentelemetry.trace import Span, SpanKind, Status, StatusCode, TracerProvider

from .._version import __version__
from .._watch import UpstreamCall, UpstreamEnd
from ._observer import Observer, Query, QueryEnd, QueryError

Attributes = dict[str, str | int | float]


class OpenTelemetryObserver(Observer):
    """Traces with the attributes of the GenAI conventions.

    ``tracer_provider`` is the global one by default. The span of an answer carries on the trace of the request, and
    calls of other bots and models carry on that of their span, in headers. Questions, answers and users are in none.
    """

    def __init__(self, *, tracer_provider: TracerProvider | None = None) -> None:
        self._tracer = trace.get_tracer("poe_asgi", __version__, tracer_provider)
        self._answers: dict[Query, Span] = {}
        self._calls: dict[UpstreamCall, Span] = {}

    def query_started(self, query: Query) -> None:
        before, kind = context.get_current(), SpanKind.INTERNAL  # below one that some middleware has begun
        if not trace.get_current_span(before).get_span_context().is_valid:
            before, kind = propagate.extract(query.headers, before), SpanKind.SERVER
        attributes: Attributes = {
            "gen_ai.operation.name": "invoke_agent",
            "gen_ai.provider.name": "poe",
            "gen_ai.agent.name": query.bot,
            "gen_ai.conversation.id": query.conversation_id,
            "poe.message_id": query.message_id,
        }
        span = self._tracer.start_span(f"invoke_agent {query.bot}", context=before, kind=kind, attributes=attributes)
        self._answers[query] = span
        context.attach(trace.set_span_in_context(span, before))  # for good: the context ends with the handler

    def first_event(self, query: Query, seconds: float) -> None:
        self._answers[query].set_attribute("poe_asgi.first_event_seconds", seconds)

    def limit_hit(self, query: Query, limit: str) -> None:
        self._answers[query].add_event("poe_asgi.limit_hit", {"limit": limit})

    def error(self, query: Query, error: QueryError) -> None:
        span = self._answers[query]
        _fail(span, error.kind)
        if error.error_id is not None:
            span.set_attribute("poe_asgi.error_id", error.error_id)

    def handler_abandoned(self, query: Query) -> None:
        self._answers[query].add_event("poe_asgi.handler_abandoned")

    def query_ended(self, query: Query, end: QueryEnd) -> None:
        span = self._answers.pop(query)
        span.set_attribute("poe_asgi.outcome", end.outcome)
        span.set_attribute("poe_asgi.events", end.events)
        span.set_attribute("poe_asgi.characters", end.characters)
        span.end()

    def call_started(self, query: Query, call: UpstreamCall) -> Mapping[str, str]:
        attributes: Attributes = {
            "gen_ai.operation.name": "chat",
            "gen_ai.provider.name": "poe",
            "gen_ai.request.model": call.name,
            "poe_asgi.api": call.api,
        }
        span = self._calls[call] = self._tracer.start_span(
            f"chat {call.name}", kind=SpanKind.CLIENT, attributes=attributes
        )
        headers: dict[str, str] = {}
        propagate.inject(headers, trace.set_span_in_context(span))
        return headers

    def call_ended(self, query: Query, call: UpstreamCall, end: UpstreamEnd) -> None:
        span = self._calls.pop(call)
        told = {
            "gen_ai.response.model": end.model,
            "gen_ai.usage.input_tokens": end.input_tokens,
            "gen_ai.usage.output_tokens": end.output_tokens,
            "gen_ai.response.time_to_first_chunk": end.first_seconds,
        }
        for name, value in told.items():
            if value is not None:
                span.set_attribute(name, value)
        if end.error is not None:
            _fail(span, end.error)
        span.end()


def _fail(span: Span, kind: str) -> None:
    span.set_attribute("error.type", kind)
    span.set_status(Status(StatusCode.ERROR))
