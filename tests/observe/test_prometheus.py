"""What Prometheus sees, on a page that has to be asked for."""

from __future__ import annotations

import asyncio
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import CollectorRegistry
from starlette.applications import Starlette

from poe_asgi import Answer, Bot, ConfigurationError, Limits, PoeChatModel, QueryContext, bot_routes, create_app
from poe_asgi.local import FakePoe
from poe_asgi.observe import PrometheusObserver
from poe_asgi.openai_api import openai_routes
from poe_asgi.server import Admission
from tests.support import KEY, Exchange, query, settle

LABELS = re.compile(r'(\w+)="([^"]*)"')


def observer(path: str | None = None) -> PrometheusObserver:
    return PrometheusObserver(path, registry=CollectorRegistry())


def bot_of(handler: Any, name: str = "Counted", **arguments: Any) -> Bot:
    bot = Bot(name, **arguments)
    bot.query(handler)
    return bot


async def greet(ctx: QueryContext) -> Answer:
    yield "Hello"


async def page(app: Any, path: str = "/metrics", **request: Any) -> Exchange:
    return await Exchange().run(app, b"", path=path, method="GET", key=None, **request)


async def metrics(observer: PrometheusObserver) -> dict[tuple[str, ...], float]:
    """What the page tells: name and labels, in order, to the value; without times of creation."""
    told = {}
    for line in (await page(observer.metrics)).body.decode().splitlines():
        if not line.startswith("#") and "_created" not in line:
            head, _, value = line.rpartition(" ")
            told[head.partition("{")[0], *(value for _, value in LABELS.findall(head))] = float(value)
    return told


@pytest.mark.asyncio
async def test_the_page_is_served_where_it_was_asked_for_and_without_a_key() -> None:
    seen = observer("/metrics")
    app = create_app(bot_of(greet), access_key=KEY, observers=[seen])
    await Exchange().run(app)
    scraped = await page(app)
    assert scraped.status == 200
    assert scraped.headers["content-type"].startswith("text/plain")
    assert b'poe_asgi_queries_total{bot="Counted",outcome="answered"} 1.0' in scraped.body


@pytest.mark.asyncio
async def test_the_page_is_among_the_routes_for_an_app_that_exists() -> None:
    bot, seen = bot_of(greet), observer("/metrics")
    own: dict[str, Any] = {"access_key": KEY, "observers": [seen]}
    app = Starlette(routes=[*bot_routes(bot, path="/poe", **own), *openai_routes(bot, **own)])
    await Exchange().run(app, path="/poe")
    chat = {"model": "Counted", "messages": [{"role": "user", "content": "hi"}]}
    await Exchange().run(app, chat, path="/v1/chat/completions")
    assert b'poe_asgi_queries_total{bot="Counted",outcome="answered"} 2.0' in (await page(app)).body


@pytest.mark.asyncio
async def test_by_default_there_is_no_page() -> None:
    app = create_app(bot_of(greet), access_key=KEY, observers=[observer()])
    assert (await page(app)).status == 404


@pytest.mark.parametrize("path", ["metrics", "/", "/metrics/", "/bot"])
def test_a_page_where_none_can_be_is_told_when_the_app_is_built(path: str) -> None:
    with pytest.raises(ConfigurationError, match="no path for a page"):
        create_app({"/": bot_of(greet), "/bot": bot_of(greet)}, access_key=KEY, observers=[observer(path)])


@pytest.mark.asyncio
async def test_answers_are_counted_with_their_events_characters_and_times() -> None:
    seen = observer()
    app = create_app(bot_of(greet), access_key=KEY, observers=[seen])
    for _ in range(2):
        await Exchange().run(app)
    told = await metrics(seen)
    assert told["poe_asgi_queries_total", "Counted", "answered"] == 2
    assert told["poe_asgi_events_total", "Counted"] == 2 * 3
    assert told["poe_asgi_characters_total", "Counted"] == 2 * len("Hello")
    assert told["poe_asgi_first_event_seconds_count", "Counted"] == 2
    assert told["poe_asgi_query_seconds_count", "Counted"] == 2


@pytest.mark.asyncio
async def test_open_streams_go_up_and_down() -> None:
    seen = observer()

    async def endless(_: QueryContext) -> Answer:
        yield "x"
        await asyncio.Event().wait()

    exchange = Exchange()
    task = asyncio.create_task(exchange.run(create_app(bot_of(endless), access_key=KEY, observers=[seen])))
    await settle()
    assert (await metrics(seen))["poe_asgi_open_streams", "Counted"] == 1
    exchange.disconnect()
    await task
    told = await metrics(seen)
    assert told["poe_asgi_open_streams", "Counted"] == 0
    assert told["poe_asgi_queries_total", "Counted", "left"] == 1


@pytest.mark.asyncio
async def test_limits_and_errors_are_counted_by_kind() -> None:
    seen = observer()

    async def handler(ctx: QueryContext) -> Answer:
        yield "x" * int(ctx.text)
        raise LookupError

    limits = Admission(rate_per_user="1/day")
    bot = bot_of(handler, limits=Limits(characters=100))
    app = create_app(bot, access_key=KEY, observers=[seen], admission=limits)
    for body in (query("1"), query("1000"), query("1", user_id="u"), query("1", user_id="u")):
        await Exchange().run(app, body)
    told = await metrics(seen)
    assert told["poe_asgi_errors_total", "Counted", "LookupError"] == 2
    assert told["poe_asgi_limits_hit_total", "Counted", "text-limit"] == 1
    assert told["poe_asgi_limits_hit_total", "Counted", "rate_per_user"] == 1
    assert told["poe_asgi_queries_total", "Counted", "error"] == 4


@pytest.mark.asyncio
async def test_calls_and_tokens_are_counted_by_what_was_called(fake_poe: FakePoe) -> None:
    seen = observer()

    async def handler(ctx: QueryContext) -> Answer:
        yield ctx.poe.stream("Other")
        yield PoeChatModel(api_key="k", model="GPT").stream("hi").answer()

    await Exchange().run(create_app(bot_of(handler), access_key=KEY, observers=[seen]))
    told = await metrics(seen)
    assert told["poe_asgi_upstream_calls_total", "bot", "Counted", "", "Other"] == 1
    assert told["poe_asgi_upstream_first_event_seconds_count", "model", "Counted", "GPT"] == 1
    assert told["poe_asgi_upstream_tokens_total", "model", "Counted", "GPT", "input"] > 0
    assert told["poe_asgi_upstream_tokens_total", "model", "Counted", "GPT", "output"] > 0
    assert told["poe_asgi_upstream_seconds_count", "bot", "Counted", "Other"] == 1


@pytest.mark.asyncio
async def test_names_that_users_choose_do_not_grow_without_end(fake_poe: FakePoe) -> None:
    seen = observer()

    async def handler(ctx: QueryContext) -> Answer:
        yield ctx.poe.stream(ctx.text)

    app = create_app(bot_of(handler), access_key=KEY, observers=[seen])
    for number in range(130):
        await Exchange().run(app, query(f"Bot-{number}"))
    told = await metrics(seen)
    assert told["poe_asgi_upstream_calls_total", "bot", "Counted", "", "other"] == 30
    assert len([key for key in told if key[0] == "poe_asgi_upstream_calls_total"]) == 101


@pytest.mark.asyncio
async def test_a_name_of_any_length_that_a_user_chooses_is_short_on_the_page(fake_poe: FakePoe) -> None:
    seen = observer()

    async def handler(ctx: QueryContext) -> Answer:
        yield ctx.poe.stream(ctx.text)

    app = create_app(bot_of(handler), access_key=KEY, observers=[seen])
    await Exchange().run(app, query("x" * 10_000))
    told = await metrics(seen)
    assert ("poe_asgi_upstream_calls_total", "bot", "Counted", "", "x" * 100) in told
    assert all(len(part) <= 100 for key in told for part in key)


@pytest.mark.asyncio
async def test_nothing_private_is_on_the_page(fake_poe: FakePoe) -> None:
    seen = observer()

    async def handler(ctx: QueryContext) -> Answer:
        yield ctx.text
        raise ValueError(ctx.text)

    body = query("private words", user_id="u-private", conversation_id="c-private", message_id="m-private")
    await Exchange().run(create_app(bot_of(handler), access_key=KEY, observers=[seen]), body)
    scraped = (await page(seen.metrics)).body
    assert b"private" not in scraped
    assert KEY.encode() not in scraped


def test_two_observers_of_one_registry_are_told_what_to_do() -> None:
    registry = CollectorRegistry()
    PrometheusObserver(registry=registry)
    with pytest.raises(ConfigurationError, match="let one PrometheusObserver observe all apps"):
        PrometheusObserver(registry=registry)


@pytest.mark.asyncio
async def test_one_observer_may_see_several_apps() -> None:
    seen = observer()
    for name in ("One", "Two"):
        await Exchange().run(create_app(bot_of(greet, name), access_key=KEY, observers=[seen]))
    told = await metrics(seen)
    assert [told["poe_asgi_queries_total", name, "answered"] for name in ("One", "Two")] == [1, 1]


WORKER = """
import asyncio, sys
from poe_asgi import Bot, create_app
from poe_asgi.observe import PrometheusObserver
from poe_asgi.openai_api import openai_routes
from tests.support import KEY, Exchange
bot = Bot("Counted")
@bot.query
async def greet(ctx):
    yield "Hello"
app = create_app(bot, access_key=KEY, observers=[PrometheusObserver("/metrics")])
asyncio.run(Exchange().run(app))
page = asyncio.run(Exchange().run(app, b"", path="/metrics", method="GET", key=None))
print(page.body.decode())
"""


def test_with_several_processes_the_page_adds_them_up(tmp_path: Path) -> None:
    environment = {**os.environ, "PROMETHEUS_MULTIPROC_DIR": str(tmp_path)}
    pages = [
        subprocess.run([sys.executable, "-c", WORKER], env=environment, capture_output=True, text=True, check=True)
        for _ in range(2)
    ]
    assert 'poe_asgi_queries_total{bot="Counted",outcome="answered"} 2.0' in pages[1].stdout


@pytest.mark.parametrize(
    ("name", "module", "package", "extra"),
    [
        ("PrometheusObserver", "prometheus_client", "prometheus-client", "prometheus"),
        ("OpenTelemetryObserver", "opentelemetry", "opentelemetry-api", "opentelemetry"),
    ],
)
def test_a_missing_package_is_told_in_one_line(name: str, module: str, package: str, extra: str) -> None:
    code = f"import sys; sys.modules[{module!r}] = None; from poe_asgi.observe import {name}"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert result.stderr.splitlines()[-1].endswith(
        f"{name} needs the package {package}: pip install 'poe-asgi[{extra}]'."
    )
