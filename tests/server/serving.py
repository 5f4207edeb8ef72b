"""Real sockets for tests: uvicorn in a thread, and a bare HTTP/1.1 client with the bytes in the test's hand."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any, Literal

import uvicorn

from poe_asgi.protocol import ResponseReader
from tests.support import KEY, SMALL

PATIENCE = 20  # seconds until a test that hangs fails


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.up = threading.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.up.set()


@contextmanager
def serving(
    app: Any, *, http: Literal["httptools", "h11"] = "httptools", loop: Literal["asyncio", "uvloop"] = "asyncio"
) -> Iterator[int]:
    """This app behind uvicorn; gives the port."""
    server = _Server(uvicorn.Config(app, http=http, loop=loop, ws="none", lifespan="on", log_config=None))
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # asyncio sets it on sockets of its own only
        thread = threading.Thread(target=server.run, args=([listener],))
        thread.start()
        try:
            assert server.up.wait(PATIENCE), "uvicorn did not start"
            yield int(listener.getsockname()[1])
        finally:
            server.should_exit = True
            thread.join(PATIENCE)
            assert not thread.is_alive(), "uvicorn did not stop"


class Answered:
    """A response as it comes: the head at once, the body in the chunks that were sent."""

    def __init__(self, stream: asyncio.StreamReader, method: str) -> None:
        self._stream = stream
        self._method = method
        self.status = 0
        self.headers: dict[str, str] = {}

    async def head(self) -> None:
        first, *lines = (await self._stream.readuntil(b"\r\n\r\n")).decode("latin-1").strip().split("\r\n")
        self.status = int(first.split()[1])
        self.headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}

    async def chunk(self) -> bytes:
        """The next chunk, ``b""`` for the end."""
        size = int(await self._stream.readuntil(b"\r\n"), 16)
        return (await self._stream.readexactly(size + 2))[:-2]

    async def body(self) -> bytes:
        """All that is still to come."""
        if self._method == "HEAD":
            return b""
        if "content-length" in self.headers:
            return await self._stream.readexactly(int(self.headers["content-length"]))
        chunks = []
        while chunk := await self.chunk():
            chunks.append(chunk)
        return b"".join(chunks)


class Wire:
    """One connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def ask(
        self,
        body: object = SMALL,
        *,
        path: str = "/",
        method: str = "POST",
        key: str | None = KEY,
        headers: tuple[str, ...] = (),
    ) -> Answered:
        """Send a request, and read the head of the response. Bytes are sent as they are."""
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        lines = [f"{method} {path} HTTP/1.1", "Host: bot.test", f"Content-Length: {len(raw)}", *headers]
        if key is not None:
            lines.append(f"Authorization: Bearer {key}")
        return await self.send("\r\n".join([*lines, "", ""]).encode() + raw, method)

    async def send(self, raw: bytes, method: str = "POST") -> Answered:
        """Send these bytes, and read the head of the next response."""
        self.writer.write(raw)
        answered = Answered(self.reader, method)
        await answered.head()
        return answered


@asynccontextmanager
async def connected(port: int) -> AsyncIterator[Wire]:
    """A connection, closed at the end."""
    async with asyncio.timeout(PATIENCE):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        try:
            yield Wire(reader, writer)
        finally:
            writer.close()
            await writer.wait_closed()


def read(stream: bytes) -> ResponseReader:
    """The whole stream of an answer, judged."""
    reader = ResponseReader(None, now=0)
    reader.feed(stream, 0)
    reader.end(0)
    assert reader.clean, reader.violations
    return reader
