"""Bots as models: names, lists, keys."""

from __future__ import annotations

from typing import Any

import pytest
from starlette.applications import Starlette

from poe_asgi import Bot, ConfigurationError, create_app
from poe_asgi.checker import check
from poe_asgi.observe import Observer, Query, QueryEnd
from poe_asgi.openai_api import openai_routes
from poe_asgi.server import Admission
from tests.support import KEY, SMALL, Exchange

from .support import CHAT, USER, message_of, post, saying

pytestmark = pytest.mark.asyncio

OTHER_KEY = "o" * 32


async def listed(app: Any, key: str = KEY, path: str = "/v1/models") -> Any:
    exchange = await post(app, b"", path=path, method="GET", key=key)
    assert exchange.status == 200, exchange.body
    return exchange.json


async def said(app: Any, model: str, **request: Any) -> str:
    content: str = message_of(await post(app, {"model": model, "messages": USER}, **request))["content"]
    return content


async def test_a_bot_is_listed_by_its_handle() -> None:
    app = create_app(saying("x", name="Shout"), openai=True, access_key=KEY)
    body = await listed(app)
    [model] = body["data"]
    assert body["object"] == "list"
    assert model.pop("created") > 1_700_000_000
    assert model == {"id": "Shout", "object": "model", "owned_by": "poe-asgi"}
    for path in ("/v1/models/Shout", "/v1/models/shout", "/v1/models/shout/"):
        assert (await listed(app, path=path))["id"] == "Shout"
    assert (await listed(app, path="/v1/models/"))["object"] == "list"
    missing = await post(app, b"", path="/v1/models/other", method="GET")
    assert (missing.status, missing.json["error"]["code"]) == (404, "model_not_found")


async def test_the_name_of_the_model_chooses_the_bot_by_handle_or_path() -> None:
    bots = {"/a": saying("A", name="Alpha"), "/b/c": Bot()}

    @bots["/b/c"].query
    async def answer(ctx: Any) -> Any:
        yield "B"

    app = create_app(bots, openai=True, access_key=KEY)
    assert [model["id"] for model in (await listed(app))["data"]] == ["Alpha", "b/c"]
    for name, answered in {"Alpha": "A", "alpha": "A", "a": "A", "b/c": "B", "B/C": "B"}.items():
        assert await said(app, name) == answered
    assert (await listed(app, path="/v1/models/b/c"))["id"] == "b/c"


async def test_a_bot_without_handle_and_path_has_a_name_all_the_same() -> None:
    bot = Bot()

    @bot.query
    async def answer(ctx: Any) -> Any:
        yield "x"

    app = create_app(bot, openai=True, access_key=KEY)
    assert [model["id"] for model in (await listed(app))["data"]] == ["bot"]
    assert await said(app, "bot") == "x"


async def test_a_bot_with_two_paths_is_one_model() -> None:
    bot = saying("x", name="Shout")
    app = create_app({"/a": bot, "/b": bot}, openai=True, access_key=KEY)
    assert [model["id"] for model in (await listed(app))["data"]] == ["Shout"]
    assert [await said(app, name) for name in ("a", "b", "shout")] == ["x"] * 3
    assert (await listed(app, path="/v1/models/b"))["id"] == "Shout"


async def test_two_bots_of_one_name_are_a_mistake() -> None:
    with pytest.raises(ConfigurationError, match="'shout'"):
        create_app({"/a": saying("x", name="Shout"), "/b": saying("y", name="shout")}, openai=True)


async def test_a_key_opens_its_own_bots() -> None:
    bots = {"/a": saying("A", name="A", access_key=KEY), "/b": saying("B", name="B", access_key=[OTHER_KEY, "both"])}
    app = create_app(bots, openai=True)
    assert [model["id"] for model in (await listed(app))["data"]] == ["A"]
    assert [model["id"] for model in (await listed(app, "both"))["data"]] == ["B"]
    assert await said(app, "B", key=OTHER_KEY) == "B"
    assert (await post(app, {"model": "B", "messages": USER})).status == 404


async def test_the_first_door_stands_beside_the_second_and_alone_without_it() -> None:
    bot = saying("x", name="Shout")
    both = create_app(bot, openai=True, access_key=KEY)
    exchange = await Exchange().run(both, SMALL)
    assert exchange.reader.clean
    assert exchange.text == await said(both, "shout")
    assert (await post(create_app(bot, access_key=KEY), {"model": "Shout", "messages": USER})).status == 404


async def test_the_checker_finds_nothing_at_the_first_door_beside_the_second() -> None:
    report = await check(create_app(saying("x"), openai=True, access_key=KEY), access_key=KEY)
    assert (report.problem, report.findings) == (None, ())


async def test_routes_for_an_app_leave_its_other_paths_alone() -> None:
    bot = saying("x", name="Shout")
    app = Starlette(routes=openai_routes(bot, path="/ai/v1/", access_key=KEY))
    assert await said(app, "shout", path="/ai" + CHAT) == "x"
    assert await said(app, "shout", path=f"/ai{CHAT}/") == "x"
    assert (await post(app, b"", path="/ai/v1/other")).body == b"Not Found"
    several = Starlette(routes=openai_routes({"/a": bot}, access_key=KEY))
    assert await said(several, "a") == "x"


async def test_routes_for_an_app_have_an_admission_and_observers() -> None:
    seen: list[str] = []

    class Seeing(Observer):
        def query_ended(self, query: Query, end: QueryEnd) -> None:  # noqa: ARG002
            seen.append(end.outcome)

    admission = Admission(rate_per_bot="1/day")
    app = Starlette(routes=openai_routes(saying("x"), access_key=KEY, admission=admission, observers=[Seeing()]))
    assert await said(app, "echo") == "x"
    refused = await post(app, {"model": "echo", "messages": USER})
    assert (refused.status, refused.json["error"]["code"]) == (429, "rate_per_bot")
    assert seen == ["answered", "error"]


@pytest.mark.parametrize("path", ["v1", "/v{n}", "//v1", 5])
async def test_a_path_that_is_none_is_a_mistake(path: Any) -> None:
    with pytest.raises(ConfigurationError, match="is no path"):
        openai_routes(saying("x"), path=path)
