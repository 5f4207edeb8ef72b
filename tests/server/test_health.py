"""What load balancers and Kubernetes are told."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from poe_asgi import Answer, Bot, ConfigurationError, QueryContext, create_app, drain
from poe_asgi.observe import PrometheusObserver
from tests.server.serving import connected, serving
from tests.support import KEY, Exchange, settle


def app_of(health: Any = "/healthz", release: asyncio.Event | None = None, **arguments: Any) -> Any:
    bot = Bot()

    @bot.query
    async def handler(ctx: QueryContext) -> Answer:
        yield "x"
        if release is not None:
            await release.wait()

    return create_app({"/": bot, "/bot": bot}, access_key=KEY, health=health, **arguments)


async def get(app: Any, path: str, method: str = "GET") -> Exchange:
    return await Exchange().run(app, b"", path=path, method=method, key=None)


@pytest.mark.asyncio
@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_an_app_that_takes_queries_is_ready_and_alive_without_a_key(method: str) -> None:
    app = app_of()
    answers = [await get(app, path, method) for path in ("/healthz", "/healthz/live")]
    assert [answer.status for answer in answers] == [200, 200]
    assert answers[0].headers["cache-control"] == "no-store"


@pytest.mark.asyncio
async def test_an_app_that_drains_is_not_ready_from_the_first_moment_and_still_alive() -> None:
    release = asyncio.Event()
    app = app_of(release=release)
    answer = asyncio.create_task(Exchange().run(app))
    await settle()
    draining = asyncio.create_task(drain(app))
    await settle()
    ready, alive = await get(app, "/healthz"), await get(app, "/healthz/live")
    assert (ready.status, ready.json) == (503, {"status": "draining"})
    assert (alive.status, alive.json) == (200, {"status": "alive"})
    release.set()
    await draining
    await answer
    assert (await get(app, "/healthz")).status == 503


@pytest.mark.asyncio
async def test_an_app_that_starts_again_is_ready_again() -> None:
    app = app_of()
    await drain(app)
    async with app.router.lifespan_context(app):
        assert (await get(app, "/healthz")).json == {"status": "ready"}


@pytest.mark.asyncio
async def test_without_the_argument_there_is_no_such_path() -> None:
    assert (await get(app_of(None), "/healthz")).status == 404


@pytest.mark.asyncio
async def test_other_methods_are_refused() -> None:
    assert (await get(app_of(), "/healthz", "POST")).status == 405


@pytest.mark.parametrize("path", ["/bot", "/", "healthz", "/healthz/", "/{name}", "//healthz", 5])
def test_a_path_that_cannot_be_is_told_when_the_app_is_built(path: Any) -> None:
    with pytest.raises(ConfigurationError, match="no path for a page"):
        app_of(path)


def test_two_pages_at_one_path_are_told_when_the_app_is_built() -> None:
    page = PrometheusObserver("/healthz", registry=CollectorRegistry())
    with pytest.raises(ConfigurationError, match="Two pages have the path '/healthz'"):
        app_of(observers=[page])


@pytest.mark.asyncio
async def test_over_a_socket_it_is_told_while_the_server_drains() -> None:
    app = app_of()
    with serving(app) as port:
        async with connected(port) as wire:
            ready = await wire.ask(b"", path="/healthz", method="GET", key=None)
            assert (ready.status, await ready.body()) == (200, b'{"status": "ready"}')
            await drain(app)
            answered = await wire.ask(b"", path="/healthz", method="GET", key=None)
            assert (answered.status, await answered.body()) == (503, b'{"status": "draining"}')
