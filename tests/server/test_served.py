"""`served_bots`: what a tool sees of an app."""

from __future__ import annotations

from typing import Any

import pytest
from fastapi import FastAPI

from poe_asgi import Answer, Bot, QueryContext, bot_routes, create_app
from poe_asgi.server import served_bots

from ..support import KEY


def named(name: str, **arguments: Any) -> Bot:
    bot = Bot(name, **arguments)

    @bot.query
    async def answer(_: QueryContext) -> Answer:
        yield name

    return bot


def test_the_bots_of_an_app_are_told_with_their_paths() -> None:
    one, two = named("One"), named("Two")
    assert [(each.path, each.bot) for each in served_bots(create_app(one))] == [("/", one)]
    found = served_bots(create_app({"/one": one, "/two/": two}))
    assert [(each.path, each.bot) for each in found] == [("/one", one), ("/two", two)]


def test_bots_inside_another_app_are_found_too() -> None:
    one, two, three = named("One"), named("Two"), named("Three")
    existing = FastAPI(routes=bot_routes(one, path="/poe"))
    existing.mount("/mounted", create_app(two))
    existing.mount("/several", create_app({"/three": three}))
    found = [(each.path, each.bot) for each in served_bots(existing)]
    assert found == [("/poe", one), ("/mounted/", two), ("/several/three", three)]


def test_an_app_that_tells_nothing_has_none() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None: ...

    assert served_bots(app) == ()


def test_keys_and_times_are_those_that_hold(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("POE_ACCESS_KEY", raising=False)
    own, of_app = named("Own", access_key="o" * 32), named("OfApp")
    first, second = served_bots(create_app({"/a": own, "/b": of_app}, access_key=KEY, drain_seconds=7))
    assert (first.access_keys, second.access_keys) == (("o" * 32,), (KEY,))
    assert first.drain_seconds == 7
    assert not first.allow_without_key
    assert KEY not in repr(second)
    (free,) = served_bots(create_app(of_app, allow_without_key=True))
    assert (free.access_keys, free.allow_without_key) == ((), True)
