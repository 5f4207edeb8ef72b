"""Traces: a span for each answer, one for each call, and the context that holds them together."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextvars import Context
from typing import Any

import pytest
from opentelemetry import context, trace
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

from poe_asgi import Answer, AnswerError, Bot, PoeChatModel, PoeClient, QueryContext, create_app
from poe_asgi.client import HttpRequest, HttpResponse, side_by_side
from poe_asgi.local import AsgiTransport, FakePoe
from poe_asgi.observe import OpenTelemetryObserver
from poe_asgi.server import Admission
from tests.support import KEY, Exchange, query

ASKED = query("private words", message_id="m-1", conversation_id="c-1", user_id="u-private")
TRACE = "0af7651916cd43dd8448eb211c80319c"


class Traces:
    """An observer whose spans stay here."""

    def __init__(self) -> None:
        self.exporter = InMemorySpanExporter()
        self.provider = TracerProvider()
        self.provider.add_span_processor(SimpleSpanProcessor(self.exporter))
        self.observer = OpenTelemetryObserver(tracer_provider=self.provider)

    @property
    def spans(self) -> Sequence[ReadableSpan]:
        return self.exporter.get_finished_spans()

    def __getitem__(self, name: str) -> ReadableSpan:
        (span,) = [span for span in self.spans if span.name == name]
        return span


@pytest.fixture
def traces() -> Traces:
    return Traces()


def app_of(handler: Any, traces: Traces, name: str = "Traced", **arguments: Any) -> Any:
    bot = Bot(name)
    bot.query(handler)
    return create_app(bot, access_key=KEY, observers=[traces.observer], **arguments)


def parent_of(span: ReadableSpan) -> int | None:
    return span.parent.span_id if span.parent is not None else None


def id_of(span: ReadableSpan) -> int:
    assert span.context is not None
    return int(span.context.span_id)


def attributes(span: ReadableSpan) -> dict[str, Any]:
    return dict(span.attributes or {})


async def greet(_: QueryContext) -> Answer:
    yield "Hello"


async def relay(ctx: QueryContext) -> Answer:
    yield ctx.poe.stream("Other")


@pytest.mark.asyncio
async def test_an_answer_is_a_span_with_the_names_of_the_conventions(traces: Traces) -> None:
    await Exchange().run(app_of(greet, traces), ASKED)
    span = traces["invoke_agent Traced"]
    assert span.kind is SpanKind.SERVER
    told = attributes(span)
    assert told.pop("poe_asgi.first_event_seconds") >= 0
    assert told == {
        "gen_ai.operation.name": "invoke_agent",
        "gen_ai.provider.name": "poe",
        "gen_ai.agent.name": "Traced",
        "gen_ai.conversation.id": "c-1",
        "poe.message_id": "m-1",
        "poe_asgi.outcome": "answered",
        "poe_asgi.events": 3,
        "poe_asgi.characters": 5,
    }


@pytest.mark.asyncio
async def test_an_answer_carries_on_the_trace_of_its_request(traces: Traces) -> None:
    headers = {"traceparent": f"00-{TRACE}-b7ad6b7169203331-01"}
    await Exchange().run(app_of(greet, traces), ASKED, headers=headers)
    span = traces["invoke_agent Traced"]
    assert span.parent is not None
    assert (f"{span.parent.trace_id:032x}", f"{span.parent.span_id:016x}") == (TRACE, "b7ad6b7169203331")


@pytest.mark.asyncio
async def test_a_span_that_some_middleware_began_is_the_parent_not_the_headers(traces: Traces) -> None:
    tracer = traces.provider.get_tracer("middleware")
    with tracer.start_as_current_span("POST /") as outer:
        await Exchange().run(app_of(greet, traces), headers={"traceparent": f"00-{TRACE}-b7ad6b7169203331-01"})
        assert trace.get_current_span() is outer
    span = traces["invoke_agent Traced"]
    assert parent_of(span) == id_of(traces["POST /"])
    assert span.kind is SpanKind.INTERNAL


@pytest.mark.asyncio
async def test_spans_of_the_author_stand_below_the_answer(traces: Traces) -> None:
    async def handler(_: QueryContext) -> Answer:
        yield "x"
        with traces.provider.get_tracer("author").start_as_current_span("looking up"):
            await asyncio.sleep(0)
        yield "y"

    await Exchange().run(app_of(handler, traces))
    assert parent_of(traces["looking up"]) == id_of(traces["invoke_agent Traced"])


@pytest.mark.asyncio
async def test_a_call_of_a_model_is_a_span_below_the_answer_with_its_tokens(traces: Traces, fake_poe: FakePoe) -> None:
    async def handler(_: QueryContext) -> Answer:
        yield PoeChatModel(api_key="k", model="GPT").stream("hi").answer()

    await Exchange().run(app_of(handler, traces))
    span = traces["chat GPT"]
    assert span.kind is SpanKind.CLIENT
    assert parent_of(span) == id_of(traces["invoke_agent Traced"])
    told = attributes(span)
    assert told.pop("gen_ai.usage.input_tokens") > 0
    assert told.pop("gen_ai.usage.output_tokens") > 0
    assert told.pop("gen_ai.response.time_to_first_chunk") >= 0
    assert told == {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "poe",
        "gen_ai.request.model": "GPT",
        "gen_ai.response.model": "GPT",
        "poe_asgi.api": "model",
    }


@pytest.mark.asyncio
async def test_the_context_goes_along_to_another_bot_so_that_both_answers_are_one_trace(traces: Traces) -> None:
    other = app_of(greet, traces, "Other")

    async def calling(_: QueryContext) -> Answer:
        yield PoeClient(api_key=KEY, transport=AsgiTransport(_elsewhere(other))).stream("Other", "hi")

    exchange = await Exchange().run(app_of(calling, traces), ASKED)
    assert exchange.text == "Hello"
    call = traces["chat Other"]
    assert parent_of(call) == id_of(traces["invoke_agent Traced"])
    assert parent_of(traces["invoke_agent Other"]) == id_of(call)
    assert len({span.context.trace_id for span in traces.spans if span.context}) == 1


def _elsewhere(app: Any) -> Any:
    """The app at another place: it knows nothing but the request."""

    async def serve(scope: Any, receive: Any, send: Any) -> None:
        await asyncio.create_task(app({**scope, "path": "/"}, receive, send), context=Context())

    return serve


@pytest.mark.asyncio
async def test_a_stream_leaves_the_context_of_whoever_reads_it_alone(traces: Traces, fake_poe: FakePoe) -> None:
    seen: list[Any] = []

    async def handler(ctx: QueryContext) -> Answer:
        mine = trace.get_current_span()
        stream = ctx.poe.stream("Other")
        async for event in stream:
            seen.append(trace.get_current_span() is mine)
            if not hasattr(event, "metadata"):
                yield "x"
        seen.append(trace.get_current_span() is mine)

    before = context.get_current()
    await Exchange().run(app_of(handler, traces))
    assert len(seen) > 1
    assert all(seen)
    assert context.get_current() == before


@pytest.mark.asyncio
async def test_streams_side_by_side_and_tasks_of_the_handler_have_their_parent(
    traces: Traces, fake_poe: FakePoe
) -> None:
    async def handler(ctx: QueryContext) -> Answer:
        yield side_by_side({name: ctx.poe.stream(name) for name in ("A", "B")})
        await asyncio.create_task(ctx.poe.ask("C"))

    await Exchange().run(app_of(handler, traces))
    answer = id_of(traces["invoke_agent Traced"])
    assert [parent_of(traces[f"chat {name}"]) for name in "ABC"] == [answer] * 3


@pytest.mark.asyncio
async def test_a_stream_that_is_dropped_in_the_middle_ends_its_span(traces: Traces, fake_poe: FakePoe) -> None:
    async def endless() -> AsyncIterator[str]:
        while True:
            yield "x"

    fake_poe.bot("Other", lambda _: endless())

    async def handler(ctx: QueryContext) -> Answer:
        async for _ in ctx.poe.stream("Other"):
            break
        yield "enough"

    exchange = await Exchange().run(app_of(handler, traces))
    assert exchange.text == "enough"
    for _ in range(10):
        await asyncio.sleep(0)
    assert traces["chat Other"].status.status_code is StatusCode.UNSET
    assert traces.observer._calls == {}


@pytest.mark.asyncio
async def test_what_fails_is_marked_by_its_kind_and_not_by_its_words(
    traces: Traces, caplog: pytest.LogCaptureFixture
) -> None:
    async def handler(ctx: QueryContext) -> Answer:
        yield "x"
        raise LookupError(ctx.text)

    await Exchange().run(app_of(handler, traces), ASKED)
    span = traces["invoke_agent Traced"]
    (logged,) = [record.error_id for record in caplog.records if hasattr(record, "error_id")]
    assert span.status.status_code is StatusCode.ERROR
    assert attributes(span)["error.type"] == "LookupError"
    assert attributes(span)["poe_asgi.error_id"] == logged


@pytest.mark.asyncio
async def test_a_call_that_fails_is_marked_too(traces: Traces) -> None:
    class Failing:
        async def send(self, _: HttpRequest) -> HttpResponse:
            raise AnswerError("No network here.")

        async def aclose(self) -> None: ...

    async def handler(_: QueryContext) -> Answer:
        yield PoeClient(api_key="k", transport=Failing()).stream("Other", "hi")

    await Exchange().run(app_of(handler, traces))
    assert traces["chat Other"].status.status_code is StatusCode.ERROR
    assert attributes(traces["chat Other"])["error.type"] == "AnswerError"


@pytest.mark.asyncio
async def test_a_limit_is_an_event_of_the_span(traces: Traces) -> None:
    app = app_of(greet, traces, admission=Admission(rate_per_user="1/day"))
    for _ in range(2):
        await Exchange().run(app, ASKED)
    (event,) = traces.spans[1].events
    assert (event.name, dict(event.attributes or {})) == ("poe_asgi.limit_hit", {"limit": "rate_per_user"})


@pytest.mark.asyncio
async def test_neither_keys_nor_users_nor_words_are_in_a_trace(traces: Traces, fake_poe: FakePoe) -> None:
    await Exchange().run(app_of(relay, traces), ASKED)
    assert len(traces.spans) == 2
    told = json.dumps([json.loads(span.to_json()) for span in traces.spans])
    assert KEY not in told
    assert "private" not in told


@pytest.mark.asyncio
async def test_nothing_is_kept_of_an_answer_that_is_over(traces: Traces, fake_poe: FakePoe) -> None:
    await Exchange().run(app_of(relay, traces), ASKED)
    assert (traces.observer._answers, traces.observer._calls) == ({}, {})
