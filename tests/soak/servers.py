"""The servers that the bot is stopped behind, each as processes of their own."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import IO

from tests.snippets import ROOT

IDLE_TASKS = 3  # of uvicorn: its main one, the lifespan, and the request that counts them
PATIENCE = 30  # seconds until a server that neither starts nor stops is killed

_UVICORN = "uvicorn tests.soak.bot:app --port {port} --log-level warning"
COMMANDS = {
    "uvicorn": _UVICORN,
    "uvicorn, h11 and asyncio": f"{_UVICORN} --http h11 --loop asyncio",
    "uvicorn, its own grace of 1 s": f"{_UVICORN} --timeout-graceful-shutdown 1",
    "uvicorn, 2 workers": f"{_UVICORN} --workers 2",
    "uvicorn in a thread": "tests.soak.threaded {port}",
    "granian": "granian --interface asgi --port {port} --log-level warning --no-ws tests.soak.bot:app",
    "granian, 2 workers": "granian --interface asgi --port {port} --log-level warning --workers 2 tests.soak.bot:app",
    "hypercorn": "hypercorn --bind 127.0.0.1:{port} --graceful-timeout 1 --log-level warning tests.soak.bot:app",
    "hypercorn --workers 0": "hypercorn --workers 0 --bind 127.0.0.1:{port} --log-level warning tests.soak.bot:app",
}
if sys.version_info >= (3, 12):
    del COMMANDS["hypercorn"]  # from there on it waits for all connections before its grace begins, whatever the app
WORKERS = {"uvicorn, 2 workers": 2, "granian, 2 workers": 2}  # that answer; else it is one
GRACE = {"uvicorn, its own grace of 1 s": 1.0, "hypercorn": 1.0}  # seconds after which a server cancels what still runs


class Server:
    """One that runs; ``log`` is all that it said."""

    def __init__(self, name: str, *, drain_seconds: float) -> None:
        self._workers = WORKERS.get(name, 1)
        with socket.create_server(("127.0.0.1", 0)) as probe:
            self.port: int = probe.getsockname()[1]
        self._said: IO[str] = tempfile.TemporaryFile("w+")  # noqa: SIM115
        wanted = {name: value for name, value in os.environ.items() if not name.startswith(("POE_", "GRANIAN_"))}
        self.process = subprocess.Popen(
            [sys.executable, "-m", *COMMANDS[name].format(port=self.port).split()],
            cwd=ROOT,
            env={**wanted, "SOAK_DRAIN_SECONDS": str(drain_seconds), "PYTHONPATH": str(ROOT)},
            stdout=self._said,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )

    @property
    def log(self) -> str:
        self._said.seek(0)
        return self._said.read()

    def counts(self) -> dict[str, int]:
        """`counts` of the process that answers. Raises OSError while there is none."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        try:
            connection.request("GET", "/counts", headers={"Connection": "close"})
            return {name: int(value) for name, value in json.loads(connection.getresponse().read()).items()}
        finally:
            connection.close()

    def settled(self, most: dict[str, int] | None = None) -> dict[str, int]:
        """The counts when no answer runs any more and no more descriptors are open than ``most``; or when patience ends."""
        deadline = time.monotonic() + PATIENCE
        while True:
            counts = self.counts()
            is_calm = counts["tasks"] <= IDLE_TASKS and (most is None or counts["descriptors"] <= most["descriptors"])
            if is_calm or time.monotonic() > deadline:
                return counts
            time.sleep(0.1)

    def wait_until_up(self) -> None:
        """Wait until every worker answers: granian forgets to stop one that is told just before that."""
        deadline, answered = time.monotonic() + PATIENCE, set[int]()
        while len(answered) < self._workers:
            try:
                answered.add(self.counts()["pid"])
            except OSError:
                assert self.process.poll() is None, self.log
            assert time.monotonic() < deadline, f"it does not start: {self.log}"
            time.sleep(0.02)

    def tell(self) -> None:
        """Tell it to stop, as a service manager does."""
        self.process.send_signal(signal.SIGTERM)

    def ended(self, seconds: float = PATIENCE) -> bool:
        """Whether it ended by itself within this time."""
        try:
            self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            return False
        return True

    def kill(self) -> None:
        """It and its workers, which are in its session."""
        with suppress(ProcessLookupError):  # all have ended
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        self._said.close()


@contextmanager
def serving(name: str, *, drain_seconds: float = 20) -> Iterator[Server]:
    """The bot behind this server until the block ends."""
    server = Server(name, drain_seconds=drain_seconds)
    try:
        server.wait_until_up()
        yield server
    finally:
        server.kill()
