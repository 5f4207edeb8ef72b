"""The cases. Each is one round: it measures the servers in turn and yields (metric, server, value)."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from . import chat as chat_client
from .answers import LENGTHS, READY
from .paced import cpu_seconds
from .queries import KEY, body, request
from .serving import (
    ENVIRON,
    NAMES,
    ROOT,
    Server,
    WrongAnswerError,
    all_serving,
    check_answer,
    on_server_core,
    post,
    serving,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

Sample: TypeAlias = tuple[str, str, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Effort:
    """How much is measured: rounds, and in each the seconds of load and the repetitions of what takes a moment."""

    rounds: int
    seconds: int
    paced_seconds: float
    imports: int
    histories: int


def burst(effort: Effort) -> Iterator[Sample]:
    return _requests_per_second("burst", effort)


def short(effort: Effort) -> Iterator[Sample]:
    return _requests_per_second("short", effort)


def _requests_per_second(text: str, effort: Effort) -> Iterator[Sample]:
    with all_serving() as servers:
        for second in range(effort.seconds + 1):
            for server in servers:
                rate = _wrk(server, text)
                if second:  # the first is a warm-up
                    yield text, server.name, rate


def _wrk(server: Server, text: str) -> float:
    command = ["wrk", "-t1", "-c32", "-d1s", "-s", str(Path(__file__).with_name("wrk.lua"))]
    environ = {**os.environ, "BENCH_BODY": body(text).decode(), "BENCH_KEY": KEY}
    output = subprocess.run(
        [*command, f"http://127.0.0.1:{server.port}/"],
        env=environ,
        capture_output=True,
        text=True,
        check=True,
        timeout=30,
    ).stdout
    counted = json.loads(output.splitlines()[-1])
    if counted["failed"] or not counted["requests"]:
        raise WrongAnswerError(f"{server.name}, {text}: {counted['failed']} failed requests\n{output}")
    return float(counted["requests"] / counted["seconds"])


def paced(effort: Effort) -> Iterator[Sample]:
    return _paced("paced", effort.seconds, 400, 0.05, effort)


def many(effort: Effort) -> Iterator[Sample]:
    return _paced("many", 1, 10_000, 1.0, effort)


def _paced(case: str, turns: int, streams: int, interval: float, effort: Effort) -> Iterator[Sample]:
    seconds = effort.paced_seconds
    for _ in range(turns):
        with all_serving() as servers:
            for server in servers:
                arguments = (server.port, server.pid, seconds, streams, interval)
                for metric, value in _figures(seconds, "paced", *arguments).items():
                    yield f"{case} {metric}", server.name, value


def long(effort: Effort) -> Iterator[Sample]:
    with all_serving() as servers:
        for length in LENGTHS:
            for _ in range(effort.seconds + 1):
                for server in servers:
                    yield f"long {length}", server.name, _ready_cpu_us(server, length)


def _ready_cpu_us(server: Server, length: int) -> float:
    """Microseconds of CPU that the server takes for a token of answers of this length, all ready at once."""
    expected = "".join(READY[f"ready {length}"])
    query = body(f"ready {length}")
    tokens, end, start_cpu = 0, time.monotonic() + 0.8, cpu_seconds(server.pid)
    while tokens == 0 or time.monotonic() < end:
        check_answer(server, *post(server, query), expected=expected)
        tokens += length
    return (cpu_seconds(server.pid) - start_cpu) / tokens * 1e6


def client(effort: Effort) -> Iterator[Sample]:
    with serving("floor") as server:
        for _ in range(effort.seconds):
            for name in NAMES:
                for metric, value in _figures(1, "client", name, server.port, 1).items():
                    yield f"client {metric}", name, value


def _figures(seconds: float, load: str, *arguments: object) -> dict[str, float]:
    """What a load prints that runs in a process of its own, for these seconds and what it takes around them."""
    process = subprocess.run(
        [sys.executable, "-m", f"benchmarks.{load}", *map(str, arguments)],
        cwd=ROOT,
        env=ENVIRON,
        capture_output=True,
        text=True,
        check=False,
        timeout=seconds + 120,
    )
    if process.returncode:
        raise WrongAnswerError(f"{load} {arguments}: {process.stderr[-2_000:]}")
    figures: dict[str, float] = json.loads(process.stdout)
    return figures


def imports(effort: Effort) -> Iterator[Sample]:
    for _ in range(effort.imports):
        for name in NAMES:
            yield "import", name, _import_seconds(name) * 1e3


def _import_seconds(name: str, modules: str = "") -> float:
    """Seconds that a fresh interpreter takes to import these modules, else the bot of that name."""
    code = "from time import perf_counter as now; start = now(); import {}; print(now() - start)"
    imported = modules or f"benchmarks.servers.{name}"
    process = on_server_core("-c", code.format(imported), output=subprocess.PIPE)
    try:
        output, _ = process.communicate(timeout=60)
    finally:
        process.kill()
    if process.returncode:
        raise WrongAnswerError(f"{name} cannot be imported:\n{output}")
    return float(output.splitlines()[-1])


def chat(effort: Effort) -> Iterator[Sample]:
    with serving("chat") as server:
        for name in NAMES:
            for metric, value in _figures(effort.seconds, "chat", name, server.port, effort.seconds).items():
                yield f"chat {metric}", name, value


def chat_imports(effort: Effort) -> Iterator[Sample]:
    for _ in range(effort.imports):
        for name in NAMES:
            yield "chat import", name, _import_seconds(name, chat_client.IMPORTED[name]) * 1e3


def history(effort: Effort) -> Iterator[Sample]:
    payload = body("short", history=999)
    with all_serving() as servers:
        for repetition in range(effort.histories + 1):
            for server in servers:
                seconds = _first_text_seconds(server, payload)
                if repetition:  # the first is a warm-up
                    yield "history", server.name, seconds * 1e3


def _first_text_seconds(server: Server, payload: bytes) -> float:
    """Seconds from the first byte sent to the first ``text`` event, on a new connection."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=30) as connection:
        start = time.perf_counter()
        connection.sendall(request(payload))
        received = b""
        seconds = 0.0
        while piece := connection.recv(65_536):
            received += piece
            if not seconds and b"event: text" in received:
                seconds = time.perf_counter() - start
    if READY["short"][0].encode() not in received or b"event: done" not in received:
        raise WrongAnswerError(f"{server.name}, history: {received!r:.200}")
    return seconds
