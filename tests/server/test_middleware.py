"""Bots below middleware: nothing is held back, and a client that leaves is still noticed."""

from __future__ import annotations

import asyncio
import functools
import gzip
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from fastapi import FastAPI
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount

from poe_asgi import Answer, Bot, QueryContext, bot_routes, create_app
from tests.server.serving import connected, read, serving
from tests.support import KEY, Exchange, settle

pytestmark = pytest.mark.asyncio

Next = Callable[[Request], Awaitable[Response]]


def says(text: str = "fine") -> Bot:
    bot = Bot(text, access_key=KEY)

    @bot.query
    async def handler(ctx: QueryContext) -> Answer:
        yield text

    return bot


class Waiting:
    """A bot that waits after its first word, and tells how it ended."""

    def __init__(self) -> None:
        self.bot = Bot(access_key=KEY)
        self.cancelled = False

        @self.bot.query
        async def handler(ctx: QueryContext) -> Answer:
            self._loop, self._released = asyncio.get_running_loop(), asyncio.Event()
            try:
                yield "one "
                await self._released.wait()
                yield "two"
            except asyncio.CancelledError:
                self.cancelled = True
                raise

    def release(self) -> None:
        self._loop.call_soon_threadsafe(self._released.set)


class Stamping(BaseHTTPMiddleware):
    """What people write most: it changes headers of the response on its way out."""

    async def dispatch(self, request: Request, call_next: Next) -> Response:
        response = await call_next(request)
        response.headers.append("x-stamp", "1")
        response.set_cookie("seen", "1")
        return response


class Reading(BaseHTTPMiddleware):
    """It reads the body before the bot does."""

    async def dispatch(self, request: Request, call_next: Next) -> Response:
        assert await request.body()
        return await call_next(request)


MIDDLEWARE: list[list[Any]] = [[GZipMiddleware], [Stamping], [Reading], [Stamping, GZipMiddleware, Reading]]


def under(middleware: list[Any], bot: Bot, place: str) -> Any:
    """This middleware around a bot, in each of the places people put it."""
    stack = [Middleware(each) for each in middleware]
    match place:
        case "added":
            app = create_app(bot)
            for each in reversed(middleware):
                app.add_middleware(each)
            return app
        case "mounted":
            return Starlette(routes=[Mount("/", create_app(bot))], middleware=stack)
        case "fastapi":
            return FastAPI(routes=bot_routes(bot), middleware=stack)
        case _:
            return functools.reduce(lambda app, each: each(app), reversed(middleware), create_app(bot))


@pytest.mark.parametrize("middleware", MIDDLEWARE, ids=str)
@pytest.mark.parametrize("place", ["added", "mounted", "fastapi", "around"])
async def test_the_stream_is_not_held_back(middleware: list[Any], place: str) -> None:
    waiting = Waiting()
    app = under(middleware, waiting.bot, place)
    for _ in range(2):
        exchange = Exchange()
        task = asyncio.create_task(exchange.run(app, headers={"accept-encoding": "gzip"}))
        while exchange.text != "one ":
            await settle()
        waiting.release()
        await task
        assert exchange.text == "one two"
        assert exchange.reader.clean
        assert exchange.headers["content-type"].startswith("text/event-stream")
        assert "content-encoding" not in exchange.headers


@pytest.mark.parametrize("middleware", MIDDLEWARE, ids=str)
async def test_a_disconnect_still_cancels_the_handler(middleware: list[Any]) -> None:
    waiting = Waiting()
    exchange = Exchange()
    task = asyncio.create_task(exchange.run(under(middleware, waiting.bot, "added")))
    while exchange.text != "one ":
        await settle()
    exchange.disconnect()
    await asyncio.wait([task])
    assert waiting.cancelled


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
async def test_behind_a_socket_too_events_arrive_as_they_are_yielded(loop: Any) -> None:
    waiting = Waiting()
    app = under([GZipMiddleware, Stamping], waiting.bot, "added")
    with serving(app, loop=loop) as port:
        async with connected(port) as wire:
            answered = await wire.ask(headers=("Accept-Encoding: gzip",))
            begin = b""
            while b'"one "' not in begin:
                begin += await answered.chunk()
            waiting.release()
            assert read(begin + await answered.body()).text == "one two"
        async with connected(port) as wire:
            answered = await wire.ask()
            while b'"one "' not in await answered.chunk():
                pass
    assert waiting.cancelled


async def test_what_middleware_does_to_one_response_does_not_show_in_the_next() -> None:
    app = under([Stamping], says(), "added")
    for _ in range(3):
        raw: list[Any] = []

        async def keeping(scope: Any, receive: Any, send: Any) -> None:
            async def kept(message: Any) -> None:
                raw.extend(message.get("headers", []))  # noqa: B023
                await send(message)

            await app(scope, receive, kept)

        await Exchange().run(keeping)
        assert [name for name, _ in raw].count(b"set-cookie") == 1
        assert [name for name, _ in raw].count(b"x-stamp") == 1


async def test_a_client_that_leaves_while_its_body_is_read_disturbs_nobody() -> None:
    class Leaving(Exchange):
        async def _receive(self) -> dict[str, Any]:
            self.disconnect()
            return {"type": "http.disconnect"}

    exchange = await Leaving().run(under([Stamping], says(), "added"))
    assert exchange.chunks == []


async def test_the_settings_may_be_compressed_on_their_way() -> None:
    app = under([GZipMiddleware], says("x"), "added")
    app.user_middleware[0].kwargs["minimum_size"] = 10
    exchange = await Exchange().run(app, {"type": "settings"}, headers={"accept-encoding": "gzip"})
    assert exchange.headers["content-encoding"] == "gzip"
    assert b"allow_attachments" in gzip.decompress(exchange.body)
