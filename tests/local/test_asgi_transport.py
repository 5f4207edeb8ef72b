"""The transport to an app in the same process: what comes streams, and whatever ends ends on both sides."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest

from poe_asgi import Answer, Bot, QueryContext, create_app
from poe_asgi.client import HttpRequest, HttpResponse, PoeClient
from poe_asgi.errors import ConnectionFailedError
from poe_asgi.local import AsgiApp, AsgiTransport, _asgi_transport
from tests.support import KEY, settle

pytestmark = pytest.mark.asyncio

Receive = Callable[[], Awaitable[Any]]
Send = Callable[[Any], Awaitable[None]]

START = {"type": "http.response.start", "status": 200, "headers": [(b"X-One", b"1")]}


def part(body: bytes, *, more: bool = True) -> dict[str, Any]:
    return {"type": "http.response.body", "body": body, "more_body": more}


async def send(app: AsgiApp, **request: Any) -> HttpResponse:
    return await AsgiTransport(app).send(HttpRequest(**{"method": "POST", "url": "http://app.test/", **request}))


async def read(response: HttpResponse) -> list[bytes]:
    chunks = [chunk async for chunk in response.chunks()]
    await response.aclose()
    return chunks


def others() -> set[asyncio.Task[Any]]:
    return asyncio.all_tasks() - {asyncio.current_task()}


# ---- what the app sees


async def test_the_app_sees_the_request_as_a_server_would_show_it() -> None:
    seen: list[Any] = []

    async def app(scope: Any, receive: Receive, send: Send) -> None:
        seen.extend((scope, await receive()))
        await send(START)
        await send(part(b"", more=False))
        seen.append(await receive())

    url = "https://app.test:8443/bot/Claude%20Sonnet%2F4?a=1&b=%20"
    response = await send(app, url=url, headers={"X-Two": "2"}, content=b"body")
    assert await read(response) == []
    scope, body, after = seen
    assert (scope["type"], scope["method"], scope["scheme"]) == ("http", "POST", "https")
    assert (scope["path"], scope["raw_path"]) == ("/bot/Claude Sonnet/4", b"/bot/Claude%20Sonnet%2F4")
    assert (scope["query_string"], scope["server"], scope["root_path"]) == (b"a=1&b=%20", ("app.test", 8443), "")
    assert dict(scope["headers"]) == {b"host": b"app.test:8443", b"x-two": b"2", b"content-length": b"4"}
    assert body == {"type": "http.request", "body": b"body", "more_body": False}
    assert after == {"type": "http.disconnect"}
    assert (response.status, response.headers) == (200, {"x-one": "1"})


async def test_a_body_that_streams_reaches_the_app_part_by_part() -> None:
    acknowledged = asyncio.Event()
    seen: list[Any] = []

    async def parts() -> AsyncIterator[bytes]:
        yield b"one"
        await acknowledged.wait()
        yield b"two"

    async def app(scope: Any, receive: Receive, send: Send) -> None:
        seen.append(dict(scope["headers"])[b"transfer-encoding"])
        more = True
        while more:
            message = await receive()
            seen.append(message["body"])
            more = message["more_body"]
            acknowledged.set()
        await send(START)
        await send(part(b"", more=False))

    await read(await send(app, content=parts()))
    assert seen == [b"chunked", b"one", b"two", b""]


async def test_a_body_that_fails_is_the_callers_failure_and_cuts_the_request() -> None:
    seen: list[str] = []

    async def parts() -> AsyncIterator[bytes]:
        yield b"one"
        raise OSError("the disk is gone")

    async def app(scope: Any, receive: Receive, send: Send) -> None:
        seen.extend([(await receive())["type"], (await receive())["type"], (await receive())["type"]])

    with pytest.raises(OSError, match="the disk is gone"):
        await send(app, content=parts())
    assert seen == ["http.request", "http.disconnect", "http.disconnect"]
    assert others() == set()


async def test_an_app_that_does_not_read_a_body_leaves_it_unread() -> None:
    read_parts = 0

    async def parts() -> AsyncIterator[bytes]:
        nonlocal read_parts
        read_parts += 1
        yield b"one"

    async def app(scope: Any, receive: Receive, send: Send) -> None:
        await send(START)
        await send(part(b"no", more=False))

    assert await read(await send(app, content=parts())) == [b"no"]
    assert read_parts == 0


async def test_an_app_that_waits_for_a_body_hears_that_its_client_left() -> None:
    seen: list[str] = []

    async def never() -> AsyncIterator[bytes]:
        await asyncio.Event().wait()
        yield b""

    async def app(scope: Any, receive: Receive, send: Send) -> None:
        await send(START)
        seen.extend([(await receive())["type"], (await receive())["type"]])

    response = await send(app, content=never())
    await settle()
    await response.aclose()
    assert seen == ["http.disconnect", "http.disconnect"]


# ---- what the client gets


async def test_the_head_and_every_chunk_arrive_when_they_are_sent() -> None:
    go = asyncio.Event()

    async def app(scope: Any, receive: Receive, send: Send) -> None:
        await send(START)
        await go.wait()
        await send(part(b"one"))
        await send(part(b""))
        go.clear()
        await go.wait()
        await send(part(b"two", more=False))

    response = await send(app)
    chunks = response.chunks()
    first = asyncio.ensure_future(anext(chunks))
    await settle()
    assert not first.done()
    go.set()
    assert await first == b"one"
    go.set()
    assert [chunk async for chunk in chunks] == [b"two"]
    await response.aclose()


async def test_a_reader_that_stalls_stalls_the_app() -> None:
    sent = 0

    async def app(scope: Any, receive: Receive, send: Send) -> None:
        nonlocal sent
        await send(START)
        for number in range(100):
            await send(part(b"%d" % number))
            sent += 1
        await send(part(b"", more=False))

    response = await send(app)
    await settle()
    assert sent == 1
    chunks = response.chunks()
    for number in range(3):
        assert await anext(chunks) == b"%d" % number
    await settle()
    assert sent == 4
    assert len([chunk async for chunk in chunks]) == 97
    assert sent == 100
    await response.aclose()


async def test_the_answer_ends_with_its_last_chunk_though_the_app_goes_on() -> None:
    go = asyncio.Event()

    async def app(scope: Any, receive: Receive, send: Send) -> None:
        await send(START)
        await send(part(b"all", more=False))
        await go.wait()

    response = await send(app)
    assert [chunk async for chunk in response.chunks()] == [b"all"]
    go.set()
    await response.aclose()
    assert others() == set()


# ---- failures of the app


async def test_an_app_that_fails_before_its_answer_is_a_failed_connection_with_the_cause() -> None:
    async def app(scope: Any, receive: Receive, send: Send) -> None:
        raise KeyError("x")

    with pytest.raises(ConnectionFailedError, match=r"gave no answer \(KeyError\)") as caught:
        await send(app)
    assert isinstance(caught.value.__cause__, KeyError)
    assert others() == set()


async def test_an_app_that_gives_no_answer_is_a_failed_connection() -> None:
    async def app(scope: Any, receive: Receive, send: Send) -> None:
        return

    with pytest.raises(ConnectionFailedError, match=r"gave no answer\."):
        await send(app)


@pytest.mark.parametrize("fails", [True, False])
async def test_an_app_that_stops_in_mid_answer_breaks_the_connection_after_what_it_sent(fails: bool) -> None:
    async def app(scope: Any, receive: Receive, send: Send) -> None:
        await send(START)
        await send(part(b"one"))
        if fails:
            raise KeyError("x")

    response = await send(app)
    chunks = response.chunks()
    assert await anext(chunks) == b"one"
    with pytest.raises(ConnectionFailedError, match="in mid-answer") as caught:
        await anext(chunks)
    assert isinstance(caught.value.__cause__, KeyError) == fails
    await response.aclose()


async def test_a_failure_after_the_answer_is_logged_and_not_the_readers(caplog: pytest.LogCaptureFixture) -> None:
    async def app(scope: Any, receive: Receive, send: Send) -> None:
        await send(START)
        await send(part(b"all", more=False))
        raise KeyError("x")

    assert await read(await send(app)) == [b"all"]
    (record,) = [record for record in caplog.records if record.name == "poe_asgi.local"]
    assert record.levelno == logging.ERROR
    assert record.exc_info is not None
    assert record.exc_info[0] is KeyError


# ---- leaving


async def test_closing_tells_the_app_that_its_client_left_and_waits_until_it_has_ended() -> None:
    seen: list[str] = []

    async def app(scope: Any, receive: Receive, send: Send) -> None:
        await receive()
        await send(START)
        await send(part(b"one"))
        seen.append((await receive())["type"])
        await send(part(b"nobody reads this"))
        await send(part(b"nor this"))
        seen.append("ended")

    response = await send(app)
    chunks = response.chunks()
    assert await anext(chunks) == b"one"
    assert seen == []
    await response.aclose()
    assert seen == ["http.disconnect", "ended"]
    assert [chunk async for chunk in chunks] == []
    await response.aclose()


async def test_an_app_that_is_held_up_by_its_reader_goes_on_when_that_leaves() -> None:
    ended = False

    async def app(scope: Any, receive: Receive, send: Send) -> None:
        nonlocal ended
        await send(START)
        for _ in range(100):
            await send(part(b"x"))
        ended = True

    response = await send(app)
    await settle()
    await response.aclose()
    assert ended


async def test_an_app_that_does_not_end_is_cancelled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_asgi_transport, "_END_SECONDS", 0.01)
    how = ""

    async def app(scope: Any, receive: Receive, send: Send) -> None:
        nonlocal how
        await send(START)
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            how = "cancelled"
            raise

    response = await send(app)
    await response.aclose()
    assert how == "cancelled"
    assert others() == set()


@pytest.mark.parametrize("reads_body", [True, False])
async def test_a_send_that_is_cancelled_leaves_no_task(reads_body: bool) -> None:
    async def never() -> AsyncIterator[bytes]:
        await asyncio.Event().wait()
        yield b""

    seen: list[str] = []

    async def app(scope: Any, receive: Receive, answer: Send) -> None:
        seen.append((await receive())["type"])
        if not reads_body:
            seen.append((await receive())["type"])

    task = asyncio.create_task(send(app, content=never() if reads_body else b""))
    await settle()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert seen[-1] == "http.disconnect"
    assert others() == set()


async def test_a_close_that_is_cancelled_ends_the_app_all_the_same() -> None:
    async def app(scope: Any, receive: Receive, send: Send) -> None:
        await send(START)
        await asyncio.Event().wait()

    response = await send(app)
    task = asyncio.create_task(response.aclose())
    await settle()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert others() == set()


async def test_a_bot_whose_client_leaves_after_some_events_closes_its_handler() -> None:
    bot, how = Bot("Endless"), ""

    @bot.query
    async def handler(ctx: QueryContext) -> Answer:
        nonlocal how
        try:
            while True:
                yield "x"
                await asyncio.sleep(0)
        except (asyncio.CancelledError, GeneratorExit) as exc:
            how = type(exc).__name__
            raise

    poe = PoeClient(api_key=KEY, transport=AsgiTransport(create_app({"/bot/Endless": bot}, access_key=KEY)))
    events = []
    async with poe.stream("Endless", "hi") as stream:
        async for event in stream:
            events.append(event)
            if len(events) == 3:
                break
    assert how
    assert stream.reply.text.startswith("xxx")
    assert others() == set()
