"""The transport over a real network: one uvicorn, one socket, and what httpx makes of them."""

from __future__ import annotations

import asyncio
import json
import logging
import socket
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import aclosing, contextmanager
from typing import Any

import pytest

from poe_asgi.client import (
    NO_RETRY,
    HttpRequest,
    HttpResponse,
    PoeClient,
    Retry,
    Timeouts,
    close_pool,
    read_bounded,
)
from poe_asgi.client._connection import pool
from poe_asgi.client._httpx import HttpxTransport
from poe_asgi.errors import (
    ConnectionFailedError,
    FirstEventTimeoutError,
    IdleTimeoutError,
    InvalidResponseError,
    TruncatedStreamError,
    UpstreamError,
)
from poe_asgi.local import Cut, FakePoe, HttpAnswer, Pause, Script
from poe_asgi.protocol import Text
from tests.server.serving import PATIENCE, serving

pytestmark = pytest.mark.asyncio

KEY = "secret-key-of-this-test"


def client(port: int, **options: Any) -> PoeClient:
    options = {"api_key": KEY, "retry": NO_RETRY, **options}
    return PoeClient(base_url=f"http://127.0.0.1:{port}", **options)


@contextmanager
def speaking(*parts: bytes, until: Callable[[], object] = lambda: None) -> Iterator[int]:
    """A server for one connection: it reads the head of a request, says these bytes, waits, and hangs up."""

    def serve(listener: socket.socket) -> None:
        connection, _ = listener.accept()
        with connection:
            head = b""
            while b"\r\n\r\n" not in head:
                head += connection.recv(65_536)
            for part in parts:
                connection.sendall(part)
            until()
            connection.shutdown(socket.SHUT_WR)
            while connection.recv(65_536):  # an unread body would reset the connection, and lose what was said
                pass

    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(PATIENCE)
        thread = threading.Thread(target=serve, args=(listener,))
        thread.start()
        try:
            yield int(listener.getsockname()[1])
        finally:
            thread.join(PATIENCE)
            assert not thread.is_alive()


HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
EVENT = b'event: text\r\ndata: {"text": "x"}\r\n\r\n'


async def test_events_arrive_while_the_answer_is_still_going_on() -> None:
    go = threading.Event()

    async def answer(call: Any) -> AsyncIterator[Any]:
        yield "one "
        await asyncio.to_thread(go.wait, PATIENCE)
        yield "two"

    poe = FakePoe()
    poe.bot("Claude", answer)
    with serving(poe) as port:
        async with client(port) as poe_client, poe_client.stream("Claude", "hi") as stream:
            events = aiter(stream)
            assert await anext(events) == Text("one ")
            go.set()
            assert [event async for event in events] == [Text("two")]


async def test_a_body_that_streams_is_sent_as_it_comes_and_the_answer_is_read_in_bounds() -> None:
    async def parts() -> AsyncIterator[bytes]:
        yield b'{"type": "query", "query": [{"role": "user", '
        yield b'"content": "hi"}]}'

    transport = HttpxTransport()
    with serving(FakePoe()) as port:
        request = HttpRequest(
            method="POST",
            url=f"http://127.0.0.1:{port}/bot/Claude",
            headers={"authorization": f"Bearer {KEY}"},
            content=parts(),
        )
        async with aclosing(transport):
            response = await transport.send(request)
            assert (response.status, response.headers["content-type"]) == (200, "text/event-stream")
            assert await read_bounded(response, 12) == b"event: meta\r"
            await response.aclose()


async def test_a_port_that_nobody_listens_on_is_a_failed_connection() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    async with client(port) as poe:
        with pytest.raises(ConnectionFailedError, match=r"127\.0\.0\.1") as caught:
            await poe.ask("Claude", "hi")
    assert caught.value.allow_retry
    assert "httpx" not in f"{type(caught.value.__cause__)} {caught.value}"


async def test_a_failed_connection_is_tried_again() -> None:
    poe = FakePoe()
    with serving(poe) as port, socket.create_server(("127.0.0.1", 0)) as closed:
        ports = [closed.getsockname()[1], port]
        closed.close()

        class Moving(HttpxTransport):
            async def send(self, request: HttpRequest) -> HttpResponse:
                to = ports.pop(0)
                url = request.url.replace("//poe.test", f"//127.0.0.1:{to}")
                return await super().send(HttpRequest(**{**_fields(request), "url": url}))

        transport = Moving()
        async with aclosing(transport):
            moving = PoeClient(api_key=KEY, base_url="http://poe.test", transport=transport, retry=Retry())
            assert (await moving.ask("Claude", "hi")).text
    assert ports == []


def _fields(request: HttpRequest) -> dict[str, Any]:
    return {name: getattr(request, name) for name in HttpRequest.__dataclass_fields__}


@pytest.mark.parametrize("parts", [[], ["one"]], ids=["before the first event", "after one"])
async def test_a_connection_that_is_cut_in_mid_answer_is_a_truncated_stream(parts: list[str]) -> None:
    poe = FakePoe()
    poe.bot("Claude", Script(*parts, Cut("more")))
    with serving(poe) as port:
        async with client(port) as poe_client:
            stream = poe_client.stream("Claude", "hi")
            with pytest.raises(TruncatedStreamError):
                await stream.read()
    assert stream.reply.text == "".join(parts)


@pytest.mark.parametrize(
    "head", [HEAD + b"Content-Length: 1000\r\n\r\n", HEAD + b"Transfer-Encoding: chunked\r\n\r\n3e8\r\n"]
)
async def test_an_answer_shorter_than_it_said_is_a_truncated_stream(head: bytes) -> None:
    with speaking(head + EVENT) as port:
        async with client(port) as poe:
            with pytest.raises(TruncatedStreamError):
                await poe.ask("Claude", "hi")


async def test_a_server_that_hangs_up_without_an_answer_is_a_failed_connection() -> None:
    with speaking() as port:
        async with client(port) as poe:
            with pytest.raises(ConnectionFailedError):
                await poe.ask("Claude", "hi")


async def test_a_server_that_does_not_speak_http_is_a_failed_connection() -> None:
    with speaking(b"SSH-2.0-OpenSSH\r\n\r\n") as port:
        async with client(port) as poe:
            with pytest.raises(UpstreamError) as caught:
                await poe.ask("Claude", "hi")
    assert isinstance(caught.value, ConnectionFailedError | InvalidResponseError)


@pytest.mark.parametrize(
    ("parts", "expected"), [([], FirstEventTimeoutError), ([HEAD + b"\r\n" + EVENT], IdleTimeoutError)]
)
async def test_a_server_that_goes_silent_is_a_timeout(parts: list[bytes], expected: type[UpstreamError]) -> None:
    left = threading.Event()
    with speaking(*parts, until=lambda: left.wait(PATIENCE)) as port:
        async with client(port, timeouts=Timeouts(first_event=0.2, idle=0.2)) as poe:
            try:
                with pytest.raises(expected):
                    await poe.ask("Claude", "hi")
            finally:
                left.set()


async def test_a_redirect_is_not_followed() -> None:
    with serving(FakePoe()) as port:
        elsewhere = FakePoe()
        elsewhere.bot("Claude", HttpAnswer(307, headers={"location": f"http://127.0.0.1:{port}/bot/Claude"}))
        with serving(elsewhere) as redirecting:
            async with client(redirecting) as poe:
                with pytest.raises(InvalidResponseError) as caught:
                    await poe.ask("Claude", "hi")
    assert caught.value.status == 307
    assert len(elsewhere.calls) == 1


# ---- who owns the connections


async def test_a_transport_that_was_borrowed_is_not_closed() -> None:
    transport = HttpxTransport()
    with serving(FakePoe()) as port:
        for _ in range(2):
            async with client(port, transport=transport) as poe:
                assert (await poe.ask("Claude", "hi")).text
        await transport.aclose()


class Counted(HttpxTransport):
    made = 0
    closed = 0

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        type(self).made += 1

    async def aclose(self) -> None:
        type(self).closed += 1
        await super().aclose()


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> type[Counted]:
    class Pool(Counted):
        pass

    monkeypatch.setattr("poe_asgi.client._httpx.HttpxTransport", Pool)
    return Pool


async def test_a_client_that_is_entered_has_a_pool_of_its_own_and_closes_it(counted: type[Counted]) -> None:
    with serving(FakePoe()) as port:
        async with client(port) as poe:
            assert (counted.made, counted.closed) == (1, 0)
            assert (await poe.ask("Claude", "hi")).text
        assert (counted.made, counted.closed) == (1, 1)


async def test_clients_that_are_not_entered_share_the_pool_of_their_loop(counted: type[Counted]) -> None:
    with serving(FakePoe()) as port:
        for _ in range(2):
            assert (await client(port).ask("Claude", "hi")).text
        assert (counted.made, counted.closed) == (1, 0)
        assert pool() is pool()
        await close_pool()
        assert counted.closed == 1
        await close_pool()
        assert counted.closed == 1


async def test_a_connection_whose_answer_was_read_to_its_end_is_used_again() -> None:
    peers = []
    poe = FakePoe()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            peers.append(scope["client"])
        await poe(scope, receive, send)

    transport = HttpxTransport()
    with serving(app) as port:
        async with aclosing(transport):
            for _ in range(3):
                response = await transport.send(HttpRequest(method="GET", url=f"http://127.0.0.1:{port}/v1/models"))
                assert await read_bounded(response, 1000) == b'{"object": "list", "data": []}'
                await response.aclose()
    assert len(peers) == 3
    assert len(set(peers)) == 1


async def test_a_reader_that_leaves_early_gives_its_connection_back() -> None:
    poe = FakePoe()
    poe.bot("Claude", Script("x", Pause(3600)))
    with serving(poe) as port:
        transport = HttpxTransport(connections=1)
        async with aclosing(transport):
            for _ in range(3):
                async with client(port, transport=transport).stream("Claude", "hi") as stream:
                    assert await anext(aiter(stream)) == Text("x")


# ---- secrets


async def test_no_log_line_holds_the_key(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    poe = FakePoe(keys={"another"})
    transport = HttpxTransport()
    with serving(poe) as port:
        async with aclosing(transport):
            with pytest.raises(UpstreamError):
                await client(port, transport=transport).ask("Claude", "hi")
            settings = HttpRequest(
                method="POST",
                url=f"http://127.0.0.1:{port}/bot/update_settings/B/{KEY}/1.2",
                headers={"authorization": KEY},
                content=json.dumps({"access_key": KEY}).encode(),
            )
            response = await transport.send(settings)
            await response.aclose()
            with pytest.raises(ConnectionFailedError) as caught:
                await transport.send(HttpRequest(method="POST", url=f"http://127.0.0.1:1/{KEY}"))
    assert KEY not in f"{caught.value!r} {settings!r}"
    ours = [record for record in caplog.records if not record.name.startswith("uvicorn")]  # that is the other side
    assert any(record.name.startswith("httpcore") for record in ours)
    assert [record for record in ours if KEY in f"{record.getMessage()} {record.args!r}"] == []
