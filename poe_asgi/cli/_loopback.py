"""Sockets and servers of this process, on this machine alone."""

from __future__ import annotations

import asyncio
import errno
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import uvicorn

from ._exits import Failure

LOOPBACK = "127.0.0.1"


def listen(port: int = 0, *, host: str = LOOPBACK, next_free: bool = False) -> socket.socket:
    """A socket at this port, or, if that is wanted, at the next free one. Raises Failure when there is none."""
    for candidate in range(port, 65536 if next_free else port + 1):
        try:
            return socket.create_server((host, candidate))
        except OSError as exc:
            if exc.errno != errno.EADDRINUSE:
                raise Failure(f"Port {candidate} of {host} cannot be used: {exc.strerror}.") from None
    other = "" if next_free else " Choose another one with --port."
    raise Failure(f"Port {port} of {host} is taken.{other}")


def url_of(listener: socket.socket) -> str:
    """Where it listens, without a slash at the end."""
    host, port = listener.getsockname()[:2]
    return f"http://{host}:{port}"


@asynccontextmanager
async def served(app: Any, listener: socket.socket) -> AsyncIterator[None]:
    """Serve an app while inside."""
    config = uvicorn.Config(app, ws="none", log_config=None, access_log=False, timeout_graceful_shutdown=1)
    server = LocalServer(config)
    serving = asyncio.create_task(server.serve([listener]))
    await server.up.wait()
    if serving.done():
        serving.result()  # raises what became of it
    try:
        yield
    finally:
        server.should_exit = True
        await asyncio.wait([serving])


class LocalServer(uvicorn.Server):
    """A server that leaves the signals to the command. ``up`` is set once it has begun, or failed to."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.up = asyncio.Event()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def serve(self, sockets: list[socket.socket] | None = None) -> None:
        try:
            await super().serve(sockets)
        finally:
            self.up.set()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        try:
            await super().startup(sockets)
        except SystemExit:  # what uvicorn makes of a start-up that failed; older ones return
            self.should_exit = True
        self.up.set()
