"""Bots behind a real server, with both of uvicorn's HTTP parsers."""

from __future__ import annotations

import asyncio
import json
import threading
from pathlib import Path
from typing import Any

import httpx
import pytest

from poe_asgi import Answer, Bot, Limits, QueryContext, create_app
from poe_asgi.protocol import Meta
from tests.server.serving import PATIENCE, connected, read, serving
from tests.support import KEY, SMALL, Exchange, query

pytestmark = pytest.mark.asyncio

SEEDS = (Path(__file__).parents[2] / "../shared/fixtures/seed-requests").resolve()
NAMES = ["query", "query-with-hints", "settings", "report_reaction"]
WRONG = "w" * 32


def echo(**declared: Any) -> Bot:
    bot = Bot("Echo", **declared)

    @bot.query
    async def handler(ctx: QueryContext) -> Answer:
        for word in ctx.text.split():
            yield word
            await asyncio.sleep(0)

    return bot


class Waiting:
    """A bot that waits after its first word, and tells how it ended."""

    def __init__(self) -> None:
        self.bot = Bot("Waiting")
        self.ended = threading.Event()
        self.how = ""

        @self.bot.query
        async def handler(ctx: QueryContext) -> Answer:
            self._loop, self._released = asyncio.get_running_loop(), asyncio.Event()
            try:
                yield "one "
                await self._released.wait()
                yield "two"
                self.how = "finished"
            except asyncio.CancelledError:
                self.how = "cancelled"
                raise
            finally:
                self.ended.set()

    def release(self) -> None:
        self._loop.call_soon_threadsafe(self._released.set)

    async def end(self) -> str:
        assert await asyncio.to_thread(self.ended.wait, PATIENCE)
        return self.how


@pytest.fixture(params=["httptools", "h11"])
def http(request: pytest.FixtureRequest) -> Any:
    """uvicorn's parser of HTTP."""
    return request.param


async def test_an_answer_arrives_whole_and_the_connection_serves_the_next(http: Any) -> None:
    with serving(create_app(echo(), access_key=KEY), http=http) as port:
        async with connected(port) as wire:
            for text in ("a b c", "d"):
                answered = await wire.ask(query(text))
                assert answered.status == 200
                assert answered.headers["content-type"].startswith("text/event-stream")
                assert "close" not in answered.headers.get("connection", "")
                assert read(await answered.body()).text == text.replace(" ", "")


async def test_events_arrive_as_they_are_yielded(http: Any) -> None:
    waiting = Waiting()
    with serving(create_app(waiting.bot, access_key=KEY), http=http) as port:
        async with connected(port) as wire:
            answered = await wire.ask()
            begin = await answered.chunk() + await answered.chunk()
            assert begin.count(b"event: ") == 2
            assert b'"one "' in begin
            waiting.release()
            assert read(begin + await answered.body()).text == "one two"


async def test_refusals_leave_the_connection_open_though_the_body_was_not_read(http: Any) -> None:
    app = create_app(echo(limits=Limits(body_bytes=5000)), access_key=KEY)
    with serving(app, http=http) as port:
        async with connected(port) as wire:
            for body, key, status in (
                (b"x" * 200_000, WRONG, 401),
                (SMALL, None, 401),
                (b"x" * 200_000, KEY, 413),
                (b"{", KEY, 400),
                ({"type": "new"}, KEY, 501),
                (SMALL, KEY, 200),
            ):
                answered = await wire.ask(body, key=key)
                assert answered.status == status
                assert answered.headers.get("connection", "keep-alive") == "keep-alive"
                assert await answered.body()


async def test_a_body_in_chunks_is_measured_while_it_comes(http: Any) -> None:
    app = create_app(echo(limits=Limits(body_bytes=5000)), access_key=KEY)
    head = f"POST / HTTP/1.1\r\nHost: bot.test\r\nAuthorization: Bearer {KEY}\r\nTransfer-Encoding: chunked\r\n\r\n"
    with serving(app, http=http) as port:
        async with connected(port) as wire:
            chunks = (b"3e8\r\n" + b"x" * 1000 + b"\r\n") * 6 + b"0\r\n\r\n"
            answered = await wire.send(head.encode() + chunks)
            assert answered.status == 413
            assert await answered.body()
            assert read(await (await wire.ask()).body()).text == "hi"


async def test_a_client_that_leaves_in_mid_stream_cancels_the_handler(http: Any) -> None:
    waiting = Waiting()
    with serving(create_app(waiting.bot, access_key=KEY), http=http) as port:
        async with connected(port) as wire:
            answered = await wire.ask()
            assert await answered.chunk()
        assert await waiting.end() == "cancelled"


async def test_a_client_that_leaves_before_its_body_is_complete_disturbs_nobody(
    http: Any, caplog: pytest.LogCaptureFixture
) -> None:
    with serving(create_app(echo(), access_key=KEY), http=http) as port:
        async with connected(port) as wire:
            wire.writer.write(
                f"POST / HTTP/1.1\r\nHost: b\r\nAuthorization: Bearer {KEY}\r\nContent-Length: 99\r\n\r\n{{".encode()
            )
            await wire.writer.drain()
        async with connected(port) as wire:
            assert (await wire.ask()).status == 200
    assert [record for record in caplog.records if record.levelname in {"WARNING", "ERROR"}] == []


@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_get_and_head_are_answered_without_a_key(http: Any, method: str) -> None:
    with serving(create_app(echo(), access_key=KEY), http=http) as port:
        async with connected(port) as wire:
            for _ in range(2):
                answered = await wire.ask(b"", method=method, key=None)
                assert answered.status == 200
                assert int(answered.headers["content-length"]) > 100
                assert (b"This bot is up." in await answered.body()) == (method == "GET")


async def test_a_client_that_expects_a_continue_is_refused_before_it_sends_its_body(http: Any) -> None:
    with serving(create_app(echo(), access_key=KEY), http=http) as port:
        async with connected(port) as wire:
            head = "POST / HTTP/1.1\r\nHost: b\r\nContent-Length: 9\r\nExpect: 100-continue\r\n\r\n"
            assert (await wire.send(head.encode())).status == 401


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
async def test_twenty_clients_at_once_are_all_answered(loop: Any) -> None:
    with serving(create_app(echo(), access_key=KEY), loop=loop) as port:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", trust_env=False) as client:
            headers = {"Authorization": f"bearer {KEY}"}
            posts = [client.post("/", json=query(str(number)), headers=headers) for number in range(20)]
            texts = [read(response.content).text for response in await asyncio.gather(*posts)]
    assert texts == [str(number) for number in range(20)]


# ---- the requests of the protocol's quick reference


def seed(name: str) -> bytes:
    path = SEEDS / f"{name}.json"
    if not path.exists():
        pytest.skip(f"the quick reference's requests are not here: {path}")
    return path.read_bytes()


def judge(name: str, body: bytes) -> None:
    if name.startswith("query"):
        reader = read(body)
        assert isinstance(reader.meta, Meta)
        assert reader.text == json.loads(seed(name))["query"][-1]["content"]
    elif name == "settings":
        assert json.loads(body)["allow_attachments"] is True
    else:
        assert json.loads(body) == {}


@pytest.mark.parametrize("name", NAMES)
async def test_a_request_of_the_quick_reference_is_answered_in_process(name: str) -> None:
    exchange = await Exchange().run(create_app(echo(), access_key=KEY), seed(name))
    assert exchange.status == 200
    judge(name, exchange.body)


async def test_the_requests_of_the_quick_reference_are_answered_over_a_socket(http: Any) -> None:
    with serving(create_app(echo(), access_key=KEY), http=http) as port:
        async with connected(port) as wire:
            for name in NAMES:
                answered = await wire.ask(seed(name), headers=("Content-Type: application/json",))
                assert answered.status == 200
                judge(name, await answered.body())
