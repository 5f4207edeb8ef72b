"""Clients that leave: at any moment of a question or an answer, by a close or a reset, or without reading a byte.

Each of `CLIENTS` at a time opens a connection, sends its question or a part of it, and leaves after a moment of its own.
"""

from __future__ import annotations

import asyncio
import random
import socket
import struct
import time
from collections.abc import Iterator
from contextlib import suppress

import uvloop

from .answers import Figures, check
from .load import request
from .servers import serving

CLIENTS = 50
GROWTH = 0.25  # what was made for readers who left comes and goes in large pieces
ASKED = tuple(map(request, ("1 0 6", "20 0.002 6", "1000000 0.001 6", "1000000 0 1000")))


async def leave(port: int, count: int, chance: random.Random) -> None:
    """So many clients, one after the other."""
    for _ in range(count):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        asked = chance.choice(ASKED)
        whole = chance.random() < 0.9
        writer.write(asked if whole else asked[: chance.randrange(len(asked))])
        if whole and chance.random() < 0.8:  # a server that is not waited for would only be flooded
            await reader.read(1)
        if chance.random() < 0.3:
            writer.transport.pause_reading()  # type: ignore[attr-defined]
        await asyncio.sleep(chance.expovariate(100))
        if chance.random() < 0.5:
            linger = struct.pack("ii", 1, 0)
            writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        writer.transport.abort()
        with suppress(OSError):
            await writer.wait_closed()


async def leave_all(port: int, count: int) -> None:
    await asyncio.gather(*(leave(port, count // CLIENTS, random.Random(number)) for number in range(CLIENTS)))


def soak(clients: int, *, warm_up: int, at_once: int) -> Iterator[Figures]:
    """The figures after each so many ``at_once``, once the last of them has been noticed."""
    with serving("uvicorn") as server:
        uvloop.run(leave_all(server.port, warm_up))
        before, start = server.settled(), time.monotonic()
        for _ in range(clients // at_once):
            uvloop.run(leave_all(server.port, at_once))
            yield Figures(at_once, time.monotonic() - start, before, server.settled(before))
        assert "Traceback" not in server.log, server.log


def long_form() -> Iterator[tuple[str, str]]:
    """A hundred thousand clients."""
    for number, figures in enumerate(soak(100_000, warm_up=10_000, at_once=20_000), 1):
        came = f"{figures.seconds:.0f} s, memory {figures.growth:+.1%}; before {figures.before}, after {figures.after}"
        yield f"{number * figures.answers:,} clients that left", came
        check(figures, GROWTH)
