"""Connections are used again: one handshake serves many calls."""

from __future__ import annotations

import asyncio
import contextlib

import pytest

from poe_asgi import PoeClient
from tests.client.support import DONE, META, text

pytestmark = pytest.mark.asyncio


async def test_calls_one_after_the_other_use_one_connection() -> None:
    connections: list[asyncio.Task[None] | None] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connections.append(asyncio.current_task())
        with contextlib.suppress(asyncio.IncompleteReadError):
            await answer(reader, writer)
        writer.close()
        await writer.wait_closed()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while head := await reader.readuntil(b"\r\n\r\n"):
            length = next(int(line.split(b":")[1]) for line in head.lower().split(b"\r\n") if b"content-length" in line)
            await reader.readexactly(length)
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n")
            for part in (META, text("hi") + DONE):
                writer.write(b"%x\r\n%s\r\n" % (len(part), part))
                await writer.drain()
                await asyncio.sleep(0)
            writer.write(b"0\r\n\r\n")

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server, PoeClient(api_key="x", base_url=f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}") as poe:
        for _ in range(3):
            assert str(await poe.ask("Bot", "hi")) == "hi"
    (connection,) = connections
    assert connection is not None
    await connection
