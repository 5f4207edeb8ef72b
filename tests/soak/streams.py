"""Very many open streams on one process: what each costs, and that all end cleanly and leave nothing.

    python -m tests.soak.streams PORT STREAMS TOKENS SECONDS

is the client, in a process of its own: it opens the streams one after the other, sees each to its end, and prints one
JSON object. This module starts it, and watches the server meanwhile.
"""

from __future__ import annotations

import asyncio
import json
import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass

import uvloop

from tests.snippets import ROOT

from .load import request
from .servers import Server, serving

OPENED_PER_SECOND = 400
SPARE = 200  # descriptors, beside those of the streams


class Stream(asyncio.Protocol):
    """One question. The bytes are counted as they come, not kept: there are many."""

    def __init__(self, tokens: int, size: int) -> None:
        self.over = asyncio.get_running_loop().create_future()
        self._tail = b""
        self._texts = 0
        self._tokens = tokens
        self._token = b'"' + b"x" * size + b'"'

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._texts += data.count(self._token)  # a token a second is never split, for it leaves alone
        self._tail = (self._tail + data)[-64:]
        if self._tail.endswith(b"\r\n0\r\n\r\n"):
            self._transport.close()

    def connection_lost(self, _: Exception | None) -> None:
        whole = b"event: done\r\ndata: {}\r\n\r\n\r\n0\r\n\r\n" in self._tail and self._texts == self._tokens
        self.over.set_result(whole)


async def client(port: int, streams: int, tokens: int, seconds: float) -> dict[str, int]:
    """``open``: how many were open when the last had been opened; ``whole``: how many came to their right end."""
    raise_limit(streams)
    loop = asyncio.get_running_loop()
    opened: list[Stream] = []
    asked = request(f"{tokens} {seconds} 6")
    start = time.monotonic()
    for number in range(streams):
        await asyncio.sleep(max(0.0, start + number / OPENED_PER_SECOND - time.monotonic()))
        transport, stream = await loop.create_connection(lambda: Stream(tokens, 6), "127.0.0.1", port)
        transport.write(asked)
        opened.append(stream)
    still = sum(not stream.over.done() for stream in opened)
    print(still, flush=True)  # noqa: T201
    whole = await asyncio.wait_for(asyncio.gather(*(stream.over for stream in opened)), tokens * seconds * 3 + 60)
    return {"open": still, "whole": sum(whole)}


def raise_limit(streams: int) -> None:
    """Raise the soft limit of descriptors; a child process inherits it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = max(soft, streams + SPARE)
    if hard != resource.RLIM_INFINITY:
        wanted = min(wanted, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


@dataclass(frozen=True, slots=True)
class Figures:
    """What came of it. ``before``, ``open`` and ``after`` are what the server counted."""

    streams: int
    open_at_once: int
    whole: int
    before: dict[str, int]
    open: dict[str, int]
    after: dict[str, int]
    seconds: float

    @property
    def kib_per_stream(self) -> float:
        return (self.open["resident_kib"] - self.before["resident_kib"]) / self.streams


def soak(streams: int, *, tokens: int, seconds: float, waves: int = 1) -> Iterator[Figures]:
    """Open so many streams of so many tokens, with so many seconds between two; the figures of each wave."""
    raise_limit(streams)
    with serving("uvicorn") as server:
        _run_client(server, 50, 2, 0.1)  # what the first ones load once is not counted
        before = server.counts()
        for _ in range(waves):
            start = time.monotonic()
            with subprocess.Popen(_command(server, streams, tokens, seconds), cwd=ROOT, stdout=subprocess.PIPE) as load:
                assert load.stdout is not None
                still = int(load.stdout.readline())
                at_most = server.counts()
                whole = json.loads(load.stdout.readline())["whole"]
            took = time.monotonic() - start
            yield Figures(streams, still, whole, before, at_most, server.settled(before), took)


def _command(server: Server, *arguments: float) -> list[str]:
    return [sys.executable, "-m", "tests.soak.streams", str(server.port), *map(str, arguments)]


def _run_client(server: Server, *arguments: float) -> None:
    subprocess.run(_command(server, *arguments), cwd=ROOT, stdout=subprocess.DEVNULL, check=True)


def check(figures: Figures) -> None:
    """Raise AssertionError unless all were open at once, all came to their end, and nothing was left."""
    assert figures.open_at_once == figures.whole == figures.streams, figures
    for name in ("descriptors", "tasks", "generators"):
        assert figures.after[name] <= figures.before[name], (name, figures)


def long_form() -> Iterator[tuple[str, str]]:
    """Ten thousand streams, a token every two seconds; then again, in the memory that the first ones left."""
    for figures in soak(10_000, tokens=35, seconds=2, waves=2):
        came = (
            f"{figures.open_at_once:,} open at once, {figures.whole:,} whole, {figures.kib_per_stream:.1f} KiB each; "
            f"{figures.seconds:.0f} s; before {figures.before}, open {figures.open}, after {figures.after}"
        )
        yield f"{figures.streams:,} streams, a token every 2 s", came
        check(figures)


if __name__ == "__main__":
    port, streams, tokens = map(int, sys.argv[1:4])
    sys.stdout.write(json.dumps(uvloop.run(client(port, streams, tokens, float(sys.argv[4])))) + "\n")
