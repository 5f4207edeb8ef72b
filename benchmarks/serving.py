"""Servers as processes of their own, and the check that they answer rightly."""

from __future__ import annotations

import http.client
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .answers import READY
from .queries import KEY, body

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[1]
NAMES = ("ours", "official", "floor")
CORES = sorted(os.sched_getaffinity(0))
SERVER_CORE, LOAD_CORE = CORES[0], CORES[-1]
# What a shell may have set for other work would make one run unlike the next.
UNWANTED = ("PYTHON", "POE_", "UVICORN_", "WEB_CONCURRENCY")
ENVIRON = {name: value for name, value in os.environ.items() if not name.startswith(UNWANTED)} | {"POE_ACCESS_KEY": KEY}


class WrongAnswerError(Exception):
    """A server did not answer as it has to, so its speed means nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    name: str
    port: int
    pid: int


def on_server_core(*arguments: str, output: Any) -> subprocess.Popen[str]:
    """Start this Python with ``arguments`` on the servers' core; both its outputs go to ``output``."""
    process = subprocess.Popen(
        [sys.executable, *arguments], cwd=ROOT, env=ENVIRON, stdout=output, stderr=subprocess.STDOUT, text=True
    )
    os.sched_setaffinity(process.pid, {SERVER_CORE})
    return process


@contextmanager
def serving(name: str) -> Iterator[Server]:
    """Serve ``benchmarks.servers.<name>`` on a free port until the block ends."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    options = f"--host 127.0.0.1 --port {port} --loop uvloop --http httptools --workers 1 --log-level warning"
    with tempfile.TemporaryFile("w+") as log:
        process = on_server_core(
            "-m", "uvicorn", f"benchmarks.servers.{name}:app", *options.split(), "--no-access-log", output=log
        )
        try:
            if not _accepts(process, port):
                log.seek(0)
                raise WrongAnswerError(f"{name} does not start:\n{log.read()}")
            yield Server(name=name, port=port, pid=process.pid)
        finally:
            process.terminate()
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


@contextmanager
def all_serving() -> Iterator[list[Server]]:
    """Three fresh servers side by side, each checked; one that nobody asks costs the others nothing."""
    with ExitStack() as stack:
        servers = [stack.enter_context(serving(name)) for name in NAMES]
        for server in servers:
            check(server)
        yield servers


def _accepts(process: subprocess.Popen[str], port: int) -> bool:
    deadline = time.monotonic() + 30
    while process.poll() is None and time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.02)
        else:
            return True
    return False


def check(server: Server) -> None:
    """Ask for two ready answers, and once with a wrong key."""
    for text in ("burst", "short"):
        check_answer(server, *post(server, body(text)), expected="".join(READY[text]))
    status, _ = post(server, body("short"), key=KEY[::-1])
    if status != 401:
        raise WrongAnswerError(f"{server.name} answers {status} to a wrong key")


def post(server: Server, payload: bytes, *, key: str = KEY) -> tuple[int, str]:
    """(status, body) of the answer to ``payload``."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
    try:
        connection.request("POST", "/", payload, {"Authorization": f"Bearer {key}", "Content-Type": "application/json"})
        response = connection.getresponse()
        return response.status, response.read().decode()
    finally:
        connection.close()


def check_answer(server: Server, status: int, answer: str, *, expected: str) -> None:
    """Raise WrongAnswerError unless ``answer`` shows ``expected`` and ends with its one ``done``."""
    if status != 200:
        raise WrongAnswerError(f"{server.name} answers {status}: {answer:.200}")
    try:
        events = [_event(frame) for frame in answer.replace("\r\n", "\n").split("\n\n") if frame and frame[0] != ":"]
    except (KeyError, ValueError) as error:
        raise WrongAnswerError(f"{server.name} sends a frame that cannot be read: {error!r}") from error
    kinds = [kind for kind, _ in events]
    shown = "".join(data["text"] for kind, data in events if kind == "text")
    start = [] if server.name == "official" else ["meta"]  # the official SDK sends no meta of its own
    content = kinds[len(start) : -1]
    if shown != expected or kinds != [*start, *content, "done"] or set(content) != {"text"}:
        raise WrongAnswerError(f"{server.name} sends {kinds[:3]} … {kinds[-2:]} with the text {shown!r:.99}")


def _event(frame: str) -> tuple[str, Any]:
    fields = dict(line.split(": ", 1) for line in frame.split("\n"))
    return fields["event"], json.loads(fields["data"])
