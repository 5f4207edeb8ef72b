"""A key gets to nowhere but the place it is for: every surface, in one test, against servers that repeat it."""

from __future__ import annotations

import asyncio
import json
import logging
import traceback
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from poe_asgi import USD, Answer, Bot, PoeChatModel, PoeClient, QueryContext, Settings, create_app, user
from poe_asgi.chat import BotClient
from poe_asgi.checker import check, render_json, render_junit, render_text
from poe_asgi.client import Charge, Connection, HttpRequest, Retry, read_bounded
from poe_asgi.errors import PoeASGIError
from poe_asgi.local import AsgiTransport, FakePoe
from poe_asgi.playground import Playground
from poe_asgi.protocol import QueryRequest

from ..server.serving import serving
from ..support import Exchange
from .surfaces import from_an_official_bot, from_observers_and_the_second_door, from_the_command_line

KEY = "abcdefghijklmnopqrstuvwxyz012345"
PART = KEY[:24]  # most of it is as bad
QUERY = QueryRequest((user("hi"),), bot_query_id="q", message_id="m")


class Repeats:
    """A server that puts the key it was sent into whatever it answers, in one shape of an error after the other."""

    SHAPES: tuple[tuple[int, str, str], ...] = (
        (401, "application/json", '{"error": {"message": "KEY", "type": "KEY", "code": "KEY"}}'),
        (400, "application/json", '{"error": "KEY", "error_description": "' + "x" * 490 + 'KEY"}'),
        (403, "application/json", '{"detail": [{"msg": "\\nKEY"}]}'),
        (404, "text/plain", "x" * 1990 + "KEY"),
        (422, "text/html", "<html>KEY"),
        (200, "text/html", "KEY"),
        (200, "text/event-stream", 'event: error\ndata: {"message": "KEY"}\n\n'),
        (200, "text/event-stream", 'event: error\ndata: {"text": "KEY"}\n\n'),
        (200, "text/event-stream", 'data: {"error": {"message": "KEY"}}\n\n'),
        (200, "text/event-stream", "event: KEY\ndata: KEY\n\n"),
        (200, "application/json", '"KEY"'),
        (302, "text/plain", "KEY"),
    )

    def __init__(self) -> None:
        self.shape = self.SHAPES[0]

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            while (message := await receive())["type"] != "lifespan.shutdown":
                await send({"type": f"{message['type']}.complete"})
            await send({"type": "lifespan.shutdown.complete"})
            return
        while (await receive()).get("more_body"):
            pass
        status, kind, body = self.shape
        headers = [
            (b"content-type", kind.encode())
        ]  # httpcore logs headers at DEBUG: what a server sends there is told
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body.replace("KEY", KEY).encode()})


def told(exc: BaseException) -> str:
    """All that is told of an exception wherever it is caught."""
    shown = "".join(traceback.format_exception(exc))
    return f"{shown} {exc} {exc!r} {exc.args!r} {vars(exc)!r} {exc.__cause__!r} {exc.__context__!r}"


async def calls(url: str, said: list[str]) -> None:
    """Every kind of call to that server."""
    client = PoeClient(api_key=KEY, base_url=url, retry=Retry(attempts=2, longest_pause=0))
    connection: Connection = client.connection
    model = PoeChatModel(api_key=KEY, base_url=f"{url}/v1", model="m", retry=Retry(attempts=1))
    said += [repr(client), repr(connection), repr(model), repr(client.stream("B", "hi"))]

    async def charge() -> None:
        async with Charge(connection, QUERY, USD("1")):
            pass

    async def history() -> list[Any]:
        return [entry async for entry in client.usage().history()]

    kinds: list[Callable[[], Awaitable[Any]]] = [
        lambda: client.ask("B", "hi"),
        lambda: client.upload(b"x", name="a.txt"),
        lambda: client.upload(url="https://example.com/a", name="a.txt"),
        client.models,
        client.usage().balance,
        history,
        charge,
        lambda: client.push_settings(Settings(introduction_message="x"), name="B", access_key=KEY),
        lambda: client.fetch_settings(name="B", access_key=KEY),
        lambda: model.invoke("hi"),
        lambda: model.stream("hi").read(),
    ]
    for kind in kinds:
        try:
            said.append(repr(await kind()))
        except PoeASGIError as exc:
            said.append(told(exc))


def leaking() -> Bot:
    """A bot that puts its own key wherever it can."""
    bot = Bot("Leaking", access_key=KEY)

    @bot.query
    async def handler(ctx: QueryContext) -> Answer:
        ctx.log.error("%r %r %r %r", ctx, ctx.poe, ctx.request, ctx.bot)
        yield repr((ctx, ctx.poe, ctx.request, ctx.bot, ctx.http))
        raise ValueError(ctx, ctx.poe, ctx.poe.connection)

    return bot


async def echo_app(scope: Any, receive: Any, send: Any) -> None:
    """A bot that answers with the headers of its request."""
    if scope["type"] == "http":
        while (await receive()).get("more_body"):
            pass
        said = repr(scope["headers"]).encode()
        headers = [(b"content-type", b"text/" + KEY.encode()), (b"cache-control", said[:2000])]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": said})


async def from_server(said: list[str]) -> None:
    app = create_app(leaking(), access_key=KEY)
    said.append(repr((app, app.state, app.routes)))
    for body in ({"type": "query", "query": [{"role": "user", "content": "x"}]}, {"type": "settings"}, {"type": "?"}):
        for key in (KEY, KEY[::-1]):
            exchange = await Exchange().run(app, body, key=key)
            said.append(f"{exchange.headers} {exchange.body!r}")


async def from_fake_poe(said: list[str]) -> None:
    poe = FakePoe(keys=[KEY])
    poe.bot("Served", leaking(), access_key=KEY)
    client = PoeClient(api_key=KEY, base_url="http://poe.test", transport=poe.transport(), retry=Retry(attempts=1))
    said.append(repr(await client.push_settings(Settings(), name="B", access_key=KEY)))
    said.append(repr(await client.upload(b"x", name="a.txt")))
    for bot in ("B", "Served"):
        try:
            said.append(repr(await client.ask(bot, "hi")))
        except PoeASGIError as exc:
            said.append(told(exc))
    async with Charge(client.connection, QUERY, USD("1")) as cost:
        cost.add(USD("0.1"))
    assert len(poe.calls) == 2
    assert len(poe.charges) == 2
    for records in (poe.calls, poe.charges, poe.uploads, poe.settings, poe.played, poe.points):
        for record in records:
            values = [getattr(record, name) for name in type(record).__slots__ if not name.startswith("_")]
            said.append(repr((record, values)))
    said.append(repr(poe))


async def from_playground(said: list[str]) -> None:
    playground = Playground(create_app(leaking()), access_key=KEY)
    transport, head = AsgiTransport(playground.app), {"x-playground-token": playground.token}

    async def get(path: str, method: str = "GET", body: Any = None) -> bytes:
        content = b"" if body is None else json.dumps(body).encode()
        request = HttpRequest(method=method, url=f"http://127.0.0.1{path}", headers=head, content=content)
        response = await transport.send(request)
        came = await read_bounded(response, 2**22)
        await response.aclose()
        said.append(f"{response.status} {response.headers} {came!r}")
        return came

    key = json.loads(await get("/api/conversations", "POST"))["key"]
    one = f"/api/conversations/{key}"
    assert "id" in json.loads(await get(f"{one}/ask", "POST", {"text": "hi"}))
    await playground._desk.answered(key)
    assert json.loads(await get("/api/exchanges/" + str(max(playground._desk.exchanges))))["frames"]
    for path in (one, f"{one}/saved", f"{one}/test", playground.path, "/page/main.js"):
        await get(path)
    said.append(repr((playground, playground._desk.everything())))


async def from_checker(said: list[str]) -> None:
    for app in (create_app(leaking()), echo_app):
        report = await check(app, access_key=KEY, fast=True)
        assert report.findings, report.problem
        said += [repr(report), render_text(report), render_json(report), render_junit(report)]


async def from_library(url: str, repeats: Repeats, said: list[str]) -> None:
    async with PoeClient(api_key=KEY):
        for repeats.shape in Repeats.SHAPES:
            await calls(url, said)
            await from_observers_and_the_second_door(KEY, said)
            await from_an_official_bot(KEY, said)
    await from_server(said)
    await from_fake_poe(said)
    await from_playground(said)
    await from_checker(said)


def test_no_surface_shows_a_key(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in ("", *logging.root.manager.loggerDict):
        caplog.set_level(logging.DEBUG, name)
    said: list[str] = []
    repeats = Repeats()
    with serving(repeats) as port:
        url = f"http://127.0.0.1:{port}"
        monkeypatch.setenv("POE_BASE_URL", url)
        asyncio.run(from_library(url, repeats, said))
        for repeats.shape in Repeats.SHAPES:
            from_the_command_line(url, KEY, tmp_path, said)
    said += [repr(BotClient(api_key=KEY)), repr(HttpRequest(method="GET", url=KEY, headers={"a": KEY}))]
    formatter = logging.Formatter("%(name)s %(message)s")
    records = [
        f"{formatter.format(record)} {record.__dict__!r}"
        for record in caplog.records
        if record.name != "uvicorn.access"  # that of the server which plays Poe: settings sync has the key in the URL
    ]
    assert any("httpcore" in record for record in records)
    assert len(said) > 700
    for each in (*said, *records):
        assert PART not in each, each[max(0, each.find(PART) - 300) : each.find(PART) + 100]
