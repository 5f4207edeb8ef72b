"""Bots at their paths, inside other apps, and on several loops."""

from __future__ import annotations

import asyncio
import functools
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import trio
import uvloop
from fastapi import FastAPI
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount, Route

from poe_asgi import Answer, Bot, ConfigurationError, QueryContext, bot_routes, create_app, running
from tests.support import KEY, SMALL, Exchange, settle


def says(text: str = "fine") -> Bot:
    bot = Bot(text, access_key=KEY)

    @bot.query
    async def handler(ctx: QueryContext) -> Answer:
        yield text

    return bot


async def text_at(app: Any, path: str) -> str:
    exchange = await Exchange().run(app, path=path)
    assert exchange.status == 200, exchange.status
    return exchange.text


# ---- paths


@pytest.mark.asyncio
async def test_several_bots_have_a_path_each() -> None:
    app = create_app({"/": says("root"), "/a": says("a"), "/a/b": says("b"), "/ü": says("ü")})
    paths = ["/", "/a", "/a/", "/a/b", "/a/b/", "/ü"]
    assert [await text_at(app, path) for path in paths] == ["root", "a", "a", "b", "b", "ü"]
    assert (await Exchange().run(app, path="/b")).status == 404


@pytest.mark.parametrize("path", ["", "a", "a/", "//", "/a//b", "/{bot}", "/bots/{name:path}", 5, None])
def test_what_is_no_path_is_refused(path: Any) -> None:
    with pytest.raises(ConfigurationError) as caught:
        create_app({path: says()})
    assert str(caught.value) == f"{path!r} is no path for a bot: it starts with `/` and has no parameters."
    with pytest.raises(ConfigurationError):
        bot_routes(says(), path=path)


def test_two_bots_at_one_path_are_refused() -> None:
    with pytest.raises(ConfigurationError) as caught:
        create_app({"/a": says("a"), "/a/": says("b")})
    assert str(caught.value) == "Two bots have the same path; a slash at the end makes no difference."


@pytest.mark.parametrize("bots", [None, {}, [], "bot", [says()], lambda: says()])
def test_what_is_no_bot_is_refused(bots: Any) -> None:
    with pytest.raises(ConfigurationError) as caught:
        create_app(bots)
    assert str(caught.value) == 'create_app takes a Bot, or several by path: create_app({"/shout": shout}).'


def test_what_is_no_bot_at_a_path_is_refused() -> None:
    with pytest.raises(ConfigurationError) as caught:
        create_app({"/a": says(), "/b": "bot"})  # type: ignore[dict-item]
    assert str(caught.value) == "At '/b' there is no Bot but a str."
    with pytest.raises(ConfigurationError):
        bot_routes("bot")  # type: ignore[arg-type]


@pytest.mark.parametrize("seconds", [-1, float("nan"), float("inf"), "20", None])
def test_a_drain_time_is_a_number_of_seconds_from_0(seconds: Any) -> None:
    for build in (create_app, bot_routes):
        with pytest.raises(ConfigurationError) as caught:
            build(says(), drain_seconds=seconds)
        assert str(caught.value) == f"drain_seconds must be a number of seconds from 0, not {seconds!r}."


# ---- in other apps


@pytest.mark.asyncio
async def test_an_app_of_bots_can_be_mounted_anywhere() -> None:
    bots = create_app({"/": says("root"), "/a": says("a"), "/x/b": says("b")})
    starlette, fastapi = Starlette(routes=[Mount("/x", bots)]), FastAPI()
    fastapi.mount("/x", bots)
    for app in (starlette, fastapi):
        assert [await text_at(app, path) for path in ("/x/", "/x/a", "/x/a/", "/x/x/b")] == ["root", "a", "a", "b"]
        assert (await Exchange().run(app, path="/x")).status == 307
        assert [(await Exchange().run(app, path=path)).status for path in ("/x/b", "/", "/a")] == [404, 404, 404]


@pytest.mark.asyncio
@pytest.mark.parametrize("kind", [Starlette, FastAPI])
async def test_routes_go_into_an_app_that_already_exists(kind: Any) -> None:
    bot = says()
    entered: list[bool] = []

    @asynccontextmanager
    async def lifespan(_: Any) -> AsyncIterator[None]:
        async with running(bot):
            entered.append(True)
            yield

    app = kind(routes=[*bot_routes(bot, path="/poe"), *bot_routes(says("other"), path="/other/")], lifespan=lifespan)
    async with app.router.lifespan_context(app):
        assert entered == [True]
        paths = ("/poe", "/poe/", "/other", "/other/")
        assert [await text_at(app, path) for path in paths] == ["fine", "fine", "other", "other"]
        assert (await Exchange().run(app, path="/poe", method="PUT")).status == 405
        assert (await Exchange().run(app, path="/poe", key=None)).status == 401
        assert (await Exchange().run(app, path="/nowhere")).status == 404


@pytest.mark.asyncio
async def test_a_fastapi_app_describes_its_own_routes_and_not_the_bots() -> None:
    app = FastAPI(routes=[*bot_routes(says(), path="/poe")])

    @app.get("/mine")
    async def mine() -> str:
        return "mine"

    described = await Exchange().run(app, path="/openapi.json", method="GET")
    assert described.status == 200
    assert list(described.json["paths"]) == ["/mine"]


@pytest.mark.asyncio
async def test_pages_can_be_added_to_an_app_of_bots() -> None:
    async def about(_: Request) -> Response:
        return Response("about")

    app = create_app({"/bot": says()})
    app.router.routes.append(Route("/about", about))
    assert (await Exchange().run(app, path="/about", method="GET")).body == b"about"
    assert await text_at(app, "/bot") == "fine"


# ---- loops


@pytest.mark.parametrize("factory", [asyncio.new_event_loop, uvloop.new_event_loop])
def test_one_app_serves_on_any_asyncio_loop_one_after_the_other(factory: Any) -> None:
    @asynccontextmanager
    async def open_index() -> AsyncIterator[str]:
        yield "index"

    bot = Bot(access_key=KEY, lifespan=open_index)

    @bot.query
    async def handler(ctx: QueryContext) -> Answer:
        await asyncio.sleep(0)
        yield ctx.deps

    app = create_app(bot)

    async def serve() -> str:
        async with app.router.lifespan_context(app):
            return await text_at(app, "/")

    for _ in range(2):
        with asyncio.Runner(loop_factory=factory) as runner:
            assert runner.run(serve()) == "index"


@pytest.mark.parametrize("body", [SMALL, {"type": "settings"}])
def test_on_trio_the_first_request_fails_with_one_clear_sentence(body: Any) -> None:
    app = create_app(says())
    with pytest.raises(RuntimeError, match=re.escape("poe-asgi runs on asyncio; this server runs on another")):
        trio.run(functools.partial(Exchange().run, app, body))


@pytest.mark.asyncio
async def test_building_an_app_in_a_running_loop_starts_nothing_and_says_nothing(
    capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("POE_ACCESS_KEY", raising=False)
    caplog.set_level(0)
    opened: list[bool] = []

    @asynccontextmanager
    async def open_index() -> AsyncIterator[None]:
        opened.append(True)
        yield

    before = asyncio.all_tasks()
    bot = Bot("Keyless", lifespan=open_index)
    bot.query(says().handler)
    create_app({"/a": bot, "/b": says()})
    bot_routes(bot)
    await settle()
    assert asyncio.all_tasks() == before
    assert opened == []
    assert caplog.records == []
    assert capfd.readouterr() == ("", "")
