"""The load of the paced cases: many open streams with a token each now and then, and what they cost the server.

    python -m benchmarks.paced PORT PID SECONDS STREAMS INTERVAL

opens STREAMS streams against 127.0.0.1:PORT that get a token each INTERVAL seconds, watches process PID through /proc
for SECONDS while all are open, lets every answer end, and prints one JSON object: ``tokens_per_second`` received,
``cpu_us`` of the server per token, ``p50_ms`` and ``p99_ms`` of their lateness, ``memory_kib`` of the server per open
stream. An incomplete answer is an error.
"""

from __future__ import annotations

import asyncio
import gc
import json
import math
import os
import re
import resource
import statistics
import sys
import time
from bisect import bisect_right
from itertools import accumulate, count
from pathlib import Path

import uvloop

from .queries import body, request

WARM_UP = 20  # streams opened and ended first, so that what the first ones load once is not counted
FASTEST = 0.002  # seconds between two openings, at least
SETTLE = 0.5  # seconds between the last opening and the watch, and between the watch and the first ending
TOKEN = re.compile(rb"(\d+\.\d{6}) ")


class Stream(asyncio.Protocol):
    """One query. Bytes are only kept with their times here and read afterwards, so that reading them delays none."""

    def __init__(self, count: int) -> None:
        self.count = count
        self.ended = asyncio.get_running_loop().create_future()
        self._pieces: list[bytes] = []
        self._times: list[float] = []

    def data_received(self, data: bytes) -> None:
        self._times.append(time.monotonic())
        self._pieces.append(data)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        self.ended.set_result(None)

    def tokens(self) -> list[tuple[float, float]]:
        """(due, arrived) of every token of the ended answer; each token carries the moment it was due."""
        raw = b"".join(self._pieces)
        ends = list(accumulate(map(len, self._pieces)))
        tokens = [(float(m[1]), self._times[bisect_right(ends, m.end() - 1)]) for m in TOKEN.finditer(raw)]
        if not raw.startswith(b"HTTP/1.1 200 ") or b"event: done" not in raw or len(tokens) != self.count:
            raise SystemExit(f"{len(tokens)} of {self.count} tokens in a paced answer that ends in {raw[-80:]!r}")
        return tokens


def cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def resident_kib(pid: int) -> float:
    pages = Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1]
    return int(pages) * os.sysconf("SC_PAGE_SIZE") / 1024


def stagger(streams: int, interval: float) -> float:
    """Seconds between two openings.

    A multiple of the interval's share that a stream has, with no factor in common with their number, so that the
    schedules fill the interval evenly: this is the hardest way for every server. With BENCH_OPENING=at-once the streams
    are opened one right after the other.
    """
    if os.environ.get("BENCH_OPENING") == "at-once":
        return 0.0
    share = interval / streams
    return share * next(n for n in count(1) if n * share >= FASTEST and math.gcd(n, streams) == 1)


async def opened(port: int, streams: int, tokens: int, interval: float) -> list[Stream]:
    """Open ``streams`` streams of ``tokens`` tokens on the staggered schedule."""
    loop = asyncio.get_running_loop()
    query = request(body(f"paced {tokens} {interval}"))
    pause = stagger(streams, interval)
    start = time.monotonic()
    batch = []
    for number in range(streams):
        await asyncio.sleep(max(0.0, start + number * pause - time.monotonic()))
        transport, stream = await loop.create_connection(lambda: Stream(tokens), "127.0.0.1", port)
        transport.write(query)
        batch.append(stream)
    return batch


async def ended(streams: list[Stream]) -> None:
    async with asyncio.timeout(60):
        await asyncio.gather(*(stream.ended for stream in streams))


async def measure(port: int, pid: int, seconds: float, streams: int, interval: float) -> dict[str, float]:
    await ended(await opened(port, WARM_UP, 5, 0.05))
    idle = resident_kib(pid)

    opening = streams * max(stagger(streams, interval), FASTEST)
    all_open = await opened(port, streams, math.ceil((opening + SETTLE + seconds + SETTLE) / interval) + 1, interval)
    await asyncio.sleep(SETTLE)
    begin, begin_cpu = time.monotonic(), cpu_seconds(pid)
    await asyncio.sleep(seconds)
    end, end_cpu = time.monotonic(), cpu_seconds(pid)
    memory = resident_kib(pid) - idle
    if any(stream.ended.done() for stream in all_open):
        raise SystemExit("a paced answer ended while all were to be open")
    await ended(all_open)

    tokens = [token for stream in all_open for token in stream.tokens()]
    late = [arrived - due for due, arrived in tokens if begin <= arrived < end]
    percentiles = statistics.quantiles(late, n=100)
    return {
        "tokens_per_second": len(late) / (end - begin),
        "cpu_us": (end_cpu - begin_cpu) / len(late) * 1e6,
        "p50_ms": percentiles[49] * 1e3,
        "p99_ms": percentiles[98] * 1e3,
        "memory_kib": memory / streams,
    }


if __name__ == "__main__":
    gc.disable()
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
    _, port, pid, seconds, streams, interval = sys.argv
    print(json.dumps(uvloop.run(measure(int(port), int(pid), float(seconds), int(streams), float(interval)))))
