"""Very many short answers, one after the other: the server's memory stays where it is, and nothing is left."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import cast

import uvloop

from .load import request
from .servers import serving

CONNECTIONS = 16
GROWTH = 0.05  # of the resident memory, after the warm-up


class Asker(asyncio.Protocol):
    """One connection that asks again whenever an answer has ended. A wrong answer ends it with an error."""

    def __init__(self, count: int) -> None:
        self.over: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._left = count
        self._asked = request("1 0 6")
        self._answer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._transport.write(self._asked)

    def data_received(self, data: bytes) -> None:
        self._answer += data
        if not self._answer.endswith(b"\r\n0\r\n\r\n"):
            return
        begin, end = b"HTTP/1.1 200 OK\r\n", b'{"text": "xxxxxx"}\r\n\r\nevent: done\r\ndata: {}\r\n\r\n\r\n0\r\n\r\n'
        if not (self._answer.startswith(begin) and self._answer.endswith(end)):
            self.over.set_exception(AssertionError(self._answer))
            self._transport.close()
            return
        self._answer = b""
        self._left -= 1
        if self._left:
            self._transport.write(self._asked)
        else:
            self._transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.over.done():
            if self._left:
                self.over.set_exception(AssertionError(f"the connection was closed with {self._left} to come: {exc}"))
            else:
                self.over.set_result(None)


async def ask(port: int, count: int) -> None:
    """So many answers, all of them right."""
    loop = asyncio.get_running_loop()
    askers = []
    for _ in range(CONNECTIONS):
        _, asker = await loop.create_connection(lambda: Asker(count // CONNECTIONS), "127.0.0.1", port)
        askers.append(asker.over)
    await asyncio.gather(*askers)


@dataclass(frozen=True, slots=True)
class Figures:
    """``answers`` after the warm-up, and what the server counted before the first and after the last of these."""

    answers: int
    seconds: float
    before: dict[str, int]
    after: dict[str, int]

    @property
    def growth(self) -> float:
        return self.after["resident_kib"] / self.before["resident_kib"] - 1


def soak(answers: int, *, warm_up: int, at_once: int, most_seconds: float) -> Iterator[Figures]:
    """Ask, ``at_once`` at a time, until so many have been answered or the time is over; the figures after each."""
    with serving("uvicorn") as server:
        uvloop.run(ask(server.port, warm_up))
        before, start, answered = server.settled(), time.monotonic(), 0
        while answered < answers and time.monotonic() - start < most_seconds:
            uvloop.run(ask(server.port, at_once))
            answered += at_once
            yield Figures(answered, time.monotonic() - start, before, server.settled(before))


def check(figures: Figures, growth: float = GROWTH) -> None:
    """Raise AssertionError when memory has grown by more than this, or something was left."""
    assert figures.growth < growth, figures
    for name in ("descriptors", "tasks", "generators"):
        assert figures.after[name] <= figures.before[name], (name, figures)


def long_form() -> Iterator[tuple[str, str]]:
    """A million answers, or as many as half an hour gives."""
    for figures in soak(1_000_000, warm_up=20_000, at_once=100_000, most_seconds=1_800):
        yield (
            f"{figures.answers:,} short answers",
            f"{figures.seconds:.0f} s, memory {figures.growth:+.1%}; before {figures.before}, after {figures.after}",
        )
        check(figures)
