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
from .answers import READY
from .queries import KEY, body, request
from .serving import ENVIRON, NAMES, ROOT, Server, WrongAnswerError, all_serving, on_server_core, serving

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
    with all_serving() as servers:
        for server in servers:
            yield "burst", server.name, _requests_per_second(server, "burst", effort.seconds)


def short(effort: Effort) -> Iterator[Sample]:
    with all_serving() as servers:
        for server in servers:
            yield "short", server.name, _requests_per_second(server, "short", effort.seconds)


def _requests_per_second(server: Server, text: str, seconds: int) -> float:
    _wrk(server, text, 1)
    return _wrk(server, text, seconds)


def _wrk(server: Server, text: str, seconds: int) -> float:
    command = ["wrk", "-t1", "-c32", f"-d{seconds}s", "-s", str(Path(__file__).with_name("wrk.lua"))]
    environ = {**os.environ, "BENCH_BODY": body(text).decode(), "BENCH_KEY": KEY}
    output = subprocess.run(
        [*command, f"http://127.0.0.1:{server.port}/"],
        env=environ,
        capture_output=True,
        text=True,
        check=True,
        timeout=seconds + 30,
    ).stdout
    counted = json.loads(output.splitlines()[-1])
    if counted["failed"] or not counted["requests"]:
        raise WrongAnswerError(f"{server.name}, {text}: {counted['failed']} failed requests\n{output}")
    return float(counted["requests"] / counted["seconds"])


def paced(effort: Effort) -> Iterator[Sample]:
    with all_serving() as servers:
        for server in servers:
            seconds = effort.paced_seconds
            for metric, value in _figures(seconds, "paced", server.port, server.pid, seconds).items():
                yield f"paced {metric}", server.name, value


def client(effort: Effort) -> Iterator[Sample]:
    with serving("floor") as server:
        for name in NAMES:
            seconds = effort.seconds / 2
            for metric, value in _figures(seconds, "client", name, server.port, seconds).items():
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
