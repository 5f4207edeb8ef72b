"""docs/operations.md keeps its word."""

from __future__ import annotations

import asyncio
import re
from contextlib import suppress
from dataclasses import fields
from inspect import signature
from typing import Any

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from prometheus_client import CollectorRegistry

from poe_asgi import Answer, AnswerError, Bot, PoeChatModel, PoeClient, QueryContext, UpstreamError, create_app, drain
from poe_asgi.local import FakePoe
from poe_asgi.observe import (
    Observer,
    OpenTelemetryObserver,
    PrometheusObserver,
    Query,
    QueryEnd,
    QueryError,
    UpstreamCall,
    UpstreamEnd,
)
from poe_asgi.protocol import ErrorEvent
from poe_asgi.server import Admission
from tests.snippets import ROOT, table
from tests.support import KEY, Exchange, query

PAGE = ROOT / "docs/operations.md"


def words(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


def shown(value: Any) -> str:
    return repr(value) if isinstance(value, AnswerError) or value is None else f"{value}"


def test_the_contents_are_the_headings() -> None:
    text = PAGE.read_text(encoding="utf-8")
    headings = re.findall(r"^## (.+)$", text, re.MULTILINE)
    assert re.findall(r"^- \[(.+)\]\(#(.+)\)$", text, re.MULTILINE) == [(title, title.lower()) for title in headings]


def test_the_arguments_of_admission_and_their_defaults_are_told() -> None:
    limits = Admission()
    assert [row[:2] for row in table(PAGE, "Admission")] == [
        [f"`{each.name}`", "`" + shown(getattr(limits, each.name)).replace("'", '"') + "`"] for each in fields(limits)
    ]


@pytest.mark.asyncio
async def test_the_limits_are_looked_at_in_the_order_that_is_told_and_read_so() -> None:
    gone = {"rate_per_bot": "1/day", "storage": "redis://127.0.0.1:1/0", "without_storage": "closed"}
    lifted: list[dict[str, Any]] = [
        {},
        {"queries_per_user": None},
        {"rate_per_user": None},
        gone,
        {"rate_per_bot": None},
    ]
    arguments: dict[str, Any] = {"queries": 1, "queries_per_user": 1, "rate_per_user": "1/day", "rate_per_bot": "1/day"}
    told = []
    for change in lifted:
        arguments |= change
        told.append(await refusal(Admission(**arguments)))
    assert told == [(words(row[0])[0], words(row[1])[0]) for row in table(PAGE, "Admission", 2)]


async def refusal(admission: Admission) -> tuple[str, str]:
    """The limit that the second of two queries at the same time is above, and which of the texts its user reads."""
    seen: list[str] = []

    class Limits(Observer):
        def limit_hit(self, _: Query, limit: str) -> None:
            seen.append(limit)

    bot = Bot()

    @bot.query
    async def endless(_: QueryContext) -> Answer:
        yield "x"
        await asyncio.Event().wait()

    app = create_app(bot, access_key=KEY, observers=[Limits()], admission=admission)
    async with asyncio.timeout(20), app.router.lifespan_context(app):
        first, second = Exchange(), Exchange()
        task = asyncio.create_task(first.run(app, query(user_id="u")))
        while not first.reader.text and not first.ended:
            await asyncio.sleep(0)
        await second.run(app, query(user_id="u"))
        first.disconnect()
        await task
    assert second.reader.error is not None
    return seen[-1], "too_often" if second.reader.error.text == admission.too_often.text else "busy"


@pytest.mark.parametrize("number", [1, 2])
def test_observers_and_values_are_told(number: int) -> None:
    rows = table(PAGE, "Observers", number)
    if number == 1:
        methods = [name for name in vars(Observer) if not name.startswith("_")]
        assert [words(row[0])[0] for row in rows] == methods
        for row in rows:
            parameters = list(signature(getattr(Observer, words(row[0])[0])).parameters.values())[2:]
            given = [each.annotation if each.annotation[0].isupper() else each.name for each in parameters]
            assert words(row[1]) == given
    else:
        values = (Query, QueryError, QueryEnd, UpstreamCall, UpstreamEnd)
        told = [[words(row[0])[0], *words(row[1])] for row in rows]
        assert told == [[value.__name__, *(each.name for each in fields(value))] for value in values]


def test_the_metrics_and_their_labels_are_told() -> None:
    registry = CollectorRegistry()
    observer = PrometheusObserver(registry=registry)
    metrics = [each for each in vars(observer).values() if hasattr(each, "_labelnames")]
    told = {words(row[0])[0].removesuffix("_total"): words(row[1]) for row in table(PAGE, "Prometheus")}
    assert told == {each._name: list(each._labelnames) for each in metrics}
    assert {family.name for family in registry.collect()} == set(told)


@pytest.mark.asyncio
async def test_the_spans_and_their_attributes_are_told(fake_poe: FakePoe) -> None:
    exporter, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    bot = Bot("Traced")

    @bot.query
    async def handler(ctx: QueryContext) -> Answer:
        yield PoeChatModel(api_key="k", model="GPT").stream("hi").answer()
        fake_poe.bot("GPT", ErrorEvent(text="No.", allow_retry=False))
        with suppress(UpstreamError):
            await PoeClient(api_key="k").ask("GPT", "hi")
        raise LookupError

    seen = [OpenTelemetryObserver(tracer_provider=provider)]
    await Exchange().run(create_app(bot, access_key=KEY, observers=seen), query(message_id="m"))
    attributes: dict[str, set[str]] = {}
    for span in exporter.get_finished_spans():
        name = span.name.replace("Traced", "{bot}").replace("GPT", "{name}")
        attributes.setdefault(name, set()).update(span.attributes or {})
    told = {words(row[0])[0]: set(words(row[2])) for row in table(PAGE, "OpenTelemetry")}
    assert told == attributes


@pytest.mark.asyncio
async def test_the_answers_to_probes_are_told() -> None:
    bot = Bot()

    @bot.query
    async def handler(_: QueryContext) -> Answer:
        yield "x"

    app = create_app(bot, access_key=KEY, health="/healthz")

    async def answers(path: str) -> list[str]:
        exchange = await Exchange().run(app, b"", path=path, method="GET", key=None)
        return [f"`{path}`", str(exchange.status), f"`{exchange.body.decode()}`"]

    told = [await answers("/healthz")]
    await drain(app)
    told += [await answers("/healthz"), await answers("/healthz/live")]
    assert [row[:3] for row in table(PAGE, "Health")] == told
