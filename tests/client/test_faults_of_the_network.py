"""An upstream that fails in every way a socket can: the caller gets one error for each cause, in bounded time.

The servers here write bytes of their own to real sockets. Each fault is met by a bot that relays the answer, too: what
its user sees is a legal stream, whatever the upstream did.
"""

from __future__ import annotations

import asyncio
import random
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

import pytest

from poe_asgi import Answer, Bot, Limits, QueryContext
from poe_asgi.client import NO_RETRY, PoeClient, Timeouts
from poe_asgi.errors import (
    ConnectionFailedError,
    FirstEventTimeoutError,
    IdleTimeoutError,
    InvalidResponseError,
    TotalTimeoutError,
    TruncatedStreamError,
    UpstreamError,
)
from poe_asgi.protocol import Done, ErrorEvent, Meta
from tests.client.support import DONE, META, text
from tests.support import ask

pytestmark = pytest.mark.asyncio

Fault = Callable[[asyncio.StreamWriter], Awaitable[None]]

SHORT: dict[type[UpstreamError], Timeouts] = {
    FirstEventTimeoutError: Timeouts(first_event=0.2),
    IdleTimeoutError: Timeouts(idle=0.2),
    TotalTimeoutError: Timeouts(total=1),
}
PATIENCE = 10  # seconds, in which everything here has long ended
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
GARBAGE = random.Random(1).randbytes(50_000)


def chunk(part: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(part), part)


def says(*parts: bytes) -> Fault:
    """These bytes, and the end of the connection."""

    async def fault(writer: asyncio.StreamWriter) -> None:
        writer.write(b"".join(parts))

    return fault


def stalls(*parts: bytes) -> Fault:
    """These bytes, and silence."""

    async def fault(writer: asyncio.StreamWriter) -> None:
        writer.write(b"".join(parts))
        await asyncio.Event().wait()

    return fault


def resets(*parts: bytes) -> Fault:
    """These bytes, and a reset."""

    async def fault(writer: asyncio.StreamWriter) -> None:
        writer.write(b"".join(parts))
        await writer.drain()
        await asyncio.sleep(0.05)  # or the bytes would not arrive
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        writer.transport.abort()

    return fault


def for_ever(start: bytes, part: bytes) -> Fault:
    """The same again and again, as fast as it is taken."""

    async def fault(writer: asyncio.StreamWriter) -> None:
        writer.write(start)
        while True:
            writer.write(part)
            await writer.drain()

    return fault


FAULTS: dict[str, tuple[Fault, type[UpstreamError]]] = {
    "says nothing and closes": (says(), ConnectionFailedError),
    "says nothing": (stalls(), FirstEventTimeoutError),
    "stalls in its head": (stalls(HEAD[:30]), FirstEventTimeoutError),
    "stalls after its head": (stalls(HEAD), FirstEventTimeoutError),
    "stalls after meta": (stalls(HEAD, chunk(META)), IdleTimeoutError),
    "stalls in an event": (stalls(HEAD, chunk(META + text("a") + text("b")[:20])), IdleTimeoutError),
    "closes in its head": (says(HEAD[:30]), ConnectionFailedError),
    "closes in an event": (says(HEAD, chunk(META + text("a")[:20])), TruncatedStreamError),
    "ends in an event": (says(HEAD, chunk(META + text("a")[:20]), chunk(b"")), TruncatedStreamError),
    "ends without done": (says(HEAD, chunk(META + text("a")), chunk(b"")), TruncatedStreamError),
    "resets at once": (resets(), ConnectionFailedError),
    "resets in an event": (resets(HEAD, chunk(META + text("a")[:20])), TruncatedStreamError),
    "speaks no HTTP": (says(GARBAGE), ConnectionFailedError),
    "sends garbage for chunks": (says(HEAD, GARBAGE), TruncatedStreamError),
    "sends garbage for events": (says(HEAD, chunk(GARBAGE), chunk(b"")), TruncatedStreamError),
    "sends headers for ever": (for_ever(b"HTTP/1.1 200 OK\r\n", b"a: " + b"b" * 1000 + b"\r\n"), ConnectionFailedError),
    "sends pings for ever": (for_ever(HEAD, chunk(b": ping\n\n")), FirstEventTimeoutError),
    "sends one line for ever": (for_ever(HEAD, chunk(b"x" * 10_000)), InvalidResponseError),
    "sends text for ever": (for_ever(HEAD + chunk(META), chunk(text("x"))), TotalTimeoutError),
}


@asynccontextmanager
async def upstream(fault: Fault) -> AsyncIterator[str]:
    """The URL of a server with this fault. When it ends, none of its connections is open any more."""
    open_connections: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        open_connections.add(task)
        with suppress(OSError, asyncio.IncompleteReadError):
            await reader.readuntil(b"\r\n\r\n")
            acting = asyncio.ensure_future(fault(writer))
            leaving = asyncio.ensure_future(_until_it_leaves(reader))
            await asyncio.wait([acting, leaving], return_when=asyncio.FIRST_COMPLETED)
            for each in (acting, leaving):
                each.cancel()
            await asyncio.gather(acting, leaving, return_exceptions=True)
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()
        open_connections.discard(task)

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        async with asyncio.timeout(PATIENCE):  # the caller has to hang up by itself
            await asyncio.gather(*open_connections)


async def _until_it_leaves(reader: asyncio.StreamReader) -> None:
    while await reader.read(65536):
        pass


def client(url: str, error: type[UpstreamError] = UpstreamError) -> PoeClient:
    """One that is impatient where impatience is what is to be seen."""
    return PoeClient(api_key="k", base_url=url, timeouts=SHORT.get(error), retry=NO_RETRY)


@pytest.mark.parametrize(("fault", "error"), FAULTS.values(), ids=FAULTS)
async def test_a_fault_of_the_upstream_is_one_error_in_bounded_time(fault: Fault, error: type[UpstreamError]) -> None:
    before = asyncio.all_tasks()
    async with asyncio.timeout(PATIENCE), upstream(fault) as url, client(url, error) as poe:
        with pytest.raises(error) as caught:
            await poe.ask("Claude", "hi")
        assert type(caught.value) is error
    assert asyncio.all_tasks() <= before


@pytest.mark.parametrize(("fault", "error"), FAULTS.values(), ids=FAULTS)
async def test_a_bot_that_relays_a_fault_ends_its_own_answer_legally(fault: Fault, error: type[UpstreamError]) -> None:
    before = asyncio.all_tasks()
    bot = Bot(limits=Limits(characters=200_000))
    async with asyncio.timeout(PATIENCE), upstream(fault) as url, client(url, error) as poe:

        @bot.query
        async def relay(ctx: QueryContext) -> Answer:
            yield poe.stream("Claude", "hi")

        exchange = await ask(bot)
    assert exchange.reader.clean, exchange.reader.violations
    assert isinstance(exchange.events[0], Meta)
    assert isinstance(exchange.events[-2], ErrorEvent)
    assert isinstance(exchange.events[-1], Done)
    assert asyncio.all_tasks() <= before


async def test_an_upstream_that_refuses_is_a_failed_connection_at_once() -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    async with asyncio.timeout(PATIENCE), client(f"http://127.0.0.1:{port}") as poe:
        with pytest.raises(ConnectionFailedError):
            await poe.ask("Claude", "hi")


async def test_an_upstream_that_works_is_no_fault() -> None:
    works = says(HEAD, chunk(META + text("fine") + DONE), chunk(b""))
    async with asyncio.timeout(PATIENCE), upstream(works) as url, client(url) as poe:
        assert str(await poe.ask("Claude", "hi")) == "fine"
