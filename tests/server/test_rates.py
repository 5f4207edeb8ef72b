"""Rates per user and per bot: in memory, in a real Redis, and with a Redis that is gone."""

from __future__ import annotations

import asyncio
import gc
import logging
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

import pytest

from poe_asgi import Answer, Bot, ConfigurationError, QueryContext, create_app, running
from poe_asgi.protocol import Done, ErrorEvent, Meta, StreamEvent, Text
from poe_asgi.server import Admission
from tests.redis import Redis, free_port, redis_server
from tests.server.test_admission import BUSY, TOO_OFTEN
from tests.support import KEY, Exchange, query

FINE: list[StreamEvent] = [Meta(), Text("x"), Done()]


@pytest.fixture(scope="module")
def shared_redis() -> Iterator[Redis]:
    with redis_server() as server:
        yield server


@pytest.fixture
def redis() -> Iterator[Redis]:
    with redis_server() as server:
        yield server


@pytest.fixture(params=["memory", "redis"])
def storage(request: pytest.FixtureRequest) -> str:
    """Both kinds of storage, with nothing in them for this namespace."""
    return "memory://" if request.param == "memory" else request.getfixturevalue("shared_redis").url


@pytest.fixture
def namespace(request: pytest.FixtureRequest) -> str:
    return str(request.node.name)


def app_of(*names: str | None, **admission: Any) -> Any:
    """An app with a bot at ``/0``, ``/1`` and so on."""
    bots = {}
    for number, name in enumerate(names or (None,)):
        bot = bots[f"/{number}"] = Bot(name)

        @bot.query
        async def handler(ctx: QueryContext) -> Answer:
            yield "x"

    return create_app(bots, access_key=KEY, admission=Admission(**admission))


async def ask(app: Any, user: str = "u-1", path: str = "/0") -> Exchange:
    return await Exchange().run(app, query(user_id=user), path=path)


# ---- what is counted


@pytest.mark.asyncio
async def test_a_user_above_his_rate_is_refused_and_others_are_not(storage: str, namespace: str) -> None:
    app = app_of(rate_per_user="2/day", storage=storage, namespace=namespace)
    async with app.router.lifespan_context(app):
        assert [(await ask(app)).events for _ in range(3)] == [FINE, FINE, [Meta(), TOO_OFTEN, Done()]]
        assert (await ask(app, "u-2")).events == FINE
        assert (await ask(app, "")).events == FINE


@pytest.mark.asyncio
async def test_the_shorter_of_two_rates_decides(storage: str, namespace: str) -> None:
    app = app_of(rate_per_user="100/day; 1/hour", storage=storage, namespace=namespace)
    async with app.router.lifespan_context(app):
        assert [(await ask(app)).events for _ in range(2)] == [FINE, [Meta(), TOO_OFTEN, Done()]]


@pytest.mark.asyncio
async def test_who_is_above_the_shorter_of_two_rates_uses_up_nothing_of_the_longer_in_whatever_order_they_stand(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = time.time() // 86_400 * 86_400
    monkeypatch.setattr(time, "time", lambda: now)
    app = app_of(rate_per_user="3/day; 1/minute")
    assert [(await ask(app)).reader.error for _ in range(4)] == [None, TOO_OFTEN, TOO_OFTEN, TOO_OFTEN]
    now += 120
    assert (await ask(app)).events == FINE


@pytest.mark.asyncio
async def test_a_bot_above_its_rate_is_busy_for_everybody_and_other_bots_are_not(storage: str, namespace: str) -> None:
    app = app_of("One", "Two", rate_per_bot="2/day", storage=storage, namespace=namespace)
    async with app.router.lifespan_context(app):
        users = ["u-1", "u-2", "u-3"]
        assert [(await ask(app, user)).events for user in users] == [FINE, FINE, [Meta(), BUSY, Done()]]
        assert (await ask(app, path="/1")).events == FINE


@pytest.mark.asyncio
async def test_bots_without_a_name_are_told_apart_by_their_paths(storage: str, namespace: str) -> None:
    app = app_of(None, None, rate_per_bot="1/day", storage=storage, namespace=namespace)
    async with app.router.lifespan_context(app):
        assert [(await ask(app, path=path)).events for path in ("/0", "/1")] == [FINE, FINE]


@pytest.mark.asyncio
async def test_a_bot_without_a_name_is_the_same_at_every_path_that_leads_to_it() -> None:
    app = app_of(rate_per_bot="1/day")
    assert (await ask(app, path="/0")).events == FINE
    assert (await ask(app, path="/0/")).reader.error == BUSY


@pytest.mark.asyncio
async def test_of_many_at_once_exactly_as_many_as_the_rate_says_get_through(storage: str, namespace: str) -> None:
    app = app_of(rate_per_bot="25/day", storage=storage, namespace=namespace, storage_seconds=20)
    async with app.router.lifespan_context(app):
        answers = await asyncio.gather(*(ask(app, f"u-{number}") for number in range(100)))
    assert [exchange.events for exchange in answers].count(FINE) == 25


@pytest.mark.asyncio
async def test_user_ids_of_any_length_and_kind_are_counted(storage: str, namespace: str) -> None:
    app = app_of(rate_per_user="1/day", storage=storage, namespace=namespace)
    async with app.router.lifespan_context(app):
        for user in ("x" * 1_000_000, "a/b", "\ud800", "ü\n"):
            assert [(await ask(app, user)).reader.error is None for _ in range(2)] == [True, False]


@pytest.mark.asyncio
async def test_when_the_time_of_a_rate_has_passed_its_user_is_let_in_again(monkeypatch: pytest.MonkeyPatch) -> None:
    now = time.time() // 86_400 * 86_400
    monkeypatch.setattr(time, "time", lambda: now)
    app = app_of(rate_per_user="1/minute")
    assert [(await ask(app)).reader.error is None for _ in range(2)] == [True, False]
    now += 120
    assert (await ask(app)).events == FINE


@pytest.mark.asyncio
async def test_apps_with_one_redis_share_counts_and_those_with_another_namespace_do_not(shared_redis: Redis) -> None:
    apps = [app_of(rate_per_user="1/day", storage=shared_redis.url, namespace=name) for name in ("one", "one", "two")]
    async with running():
        errors = [(await ask(app)).reader.error for app in apps]
    assert errors == [None, TOO_OFTEN, None]


@pytest.mark.asyncio
async def test_who_is_refused_for_the_rate_never_waits_for_a_place() -> None:
    app = app_of(rate_per_user="1/day", queries=1, queue=1)
    await ask(app)
    assert (await ask(app)).reader.error == TOO_OFTEN


# ---- a Redis that is gone


@pytest.mark.asyncio
@pytest.mark.parametrize(("without", "error"), [("open", None), ("closed", BUSY)])
@pytest.mark.parametrize("how", ["refuses", "is silent"])
async def test_without_its_storage_an_app_is_open_or_closed_as_configured(
    without: Any, error: ErrorEvent | None, how: str, caplog: pytest.LogCaptureFixture
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:  # takes connections, and never says a word
        port = free_port() if how == "refuses" else silent.getsockname()[1]
        url = f"redis://:secret@127.0.0.1:{port}/0"
        app = app_of(rate_per_user="1/day", storage=url, storage_seconds=0.05, without_storage=without)
        async with asyncio.timeout(20), app.router.lifespan_context(app):
            exchanges = [await ask(app) for _ in range(3)]
    assert [exchange.reader.error for exchange in exchanges] == [error] * 3
    (record,) = [record for record in caplog.records if "storage" in record.getMessage()]
    assert record.levelno == logging.ERROR
    assert "secret" not in caplog.text


@pytest.mark.asyncio
async def test_a_storage_that_goes_and_comes_back_is_used_again(redis: Redis) -> None:
    app = app_of(rate_per_user="1/day", storage=redis.url)
    async with asyncio.timeout(20), app.router.lifespan_context(app):
        assert [(await ask(app)).reader.error for _ in range(2)] == [None, TOO_OFTEN]
        redis.stop()
        assert (await ask(app)).reader.error is None
        redis.start()
        assert [(await ask(app)).reader.error for _ in range(2)] == [None, TOO_OFTEN]


@pytest.mark.asyncio
async def test_a_client_that_leaves_while_its_rate_is_looked_up_leaves_nothing_behind() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"redis://127.0.0.1:{silent.getsockname()[1]}/0"
        app = app_of(rate_per_user="1/day", queries_per_user=1, storage=url, storage_seconds=20)
        async with asyncio.timeout(10), app.router.lifespan_context(app):
            exchange = Exchange()
            task = asyncio.create_task(exchange.run(app, query(user_id="u-1"), path="/0"))
            while not exchange.listened:
                await asyncio.sleep(0)
            exchange.disconnect()
            await task
            (places, _), *_ = app.state.poe_asgi.attendance._entrance._on_loop.values()
            assert dict(places.of_user) == {}


@pytest.mark.filterwarnings("error::ResourceWarning")
def test_connections_are_closed_when_the_app_stops_on_whatever_loop(shared_redis: Redis) -> None:
    app = app_of(rate_per_user="1000/day", storage=shared_redis.url)

    async def serve() -> Any:
        async with app.router.lifespan_context(app):
            return (await ask(app)).events

    for _ in range(2):
        assert asyncio.run(serve()) == FINE
    gc.collect()
    assert len(app.state.poe_asgi.attendance._entrance._on_loop) == 0


# ---- packages


MISSING = """
import sys
sys.modules[{package!r}] = None
from poe_asgi import Bot, create_app
from poe_asgi.server import Admission
bot = Bot()
@bot.query
async def handler(ctx):
    yield "x"
create_app(bot, admission=Admission(queries=1))
assert not {{"limits", "redis"}} & {{name for name, module in sys.modules.items() if module}}
create_app(bot, admission=Admission(rate_per_user="1/day", storage="redis://localhost"))
"""


@pytest.mark.parametrize("package", ["limits", "redis"])
def test_a_missing_package_is_told_in_one_line_and_only_rates_need_it(package: str) -> None:
    code = MISSING.format(package=package)
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert result.stderr.splitlines()[-1].endswith(
        f"Admission with rates needs the package {package}: pip install 'poe-asgi[limits]'."
    )


def test_a_storage_that_is_no_url_is_told() -> None:
    with pytest.raises(ConfigurationError, match="storage is"):
        app_of(rate_per_user="1/day", storage="localhost")
