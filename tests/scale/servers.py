"""Processes of the bot, and nginx before them with the settings that docs/deploy.md tells. All on this machine."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.redis import PATIENCE, free_port
from tests.snippets import ROOT
from tests.support import KEY


class Server:
    """One process of the bot."""

    def __init__(self, redis_url: str) -> None:
        self.port = free_port()
        self._process = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "uvicorn",
                "tests.scale.bot:app",
                "--port",
                str(self.port),
                "--log-level",
                "warning",
            ],
            cwd=ROOT,
            env={**os.environ, "REDIS_URL": redis_url, "POE_ACCESS_KEY": KEY, "PYTHONPATH": os.pathsep.join(sys.path)},
        )

    @property
    def pid(self) -> int:
        return self._process.pid

    def kill(self) -> None:
        self._process.kill()
        self._process.wait(PATIENCE)

    def stop(self) -> None:
        """End it as an administrator would."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
            try:
                self._process.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                self.kill()


@contextmanager
def servers(number: int, redis_url: str) -> Iterator[list[Server]]:
    started = [Server(redis_url) for _ in range(number)]
    try:
        for server in started:
            wait_for(server.port)
        yield started
    finally:
        for server in started:
            server.stop()


def settings() -> str:
    """The settings of nginx that the page tells."""
    (told,) = re.findall(r"```nginx\n(.*?)```", (ROOT / "docs/deploy.md").read_text(encoding="utf-8"), re.DOTALL)
    return str(told)


@contextmanager
def nginx(folder: Path, ports: Sequence[int]) -> Iterator[int]:
    """nginx before these ports; gives its own."""
    binary = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")
    if binary is None:
        pytest.skip("nginx is not installed")
    port = free_port()
    told = settings().replace("127.0.0.1:8080", f"127.0.0.1:{port}")
    for placeholder, real in zip(("8001", "8002"), ports, strict=True):
        told = told.replace(f"127.0.0.1:{placeholder}", f"127.0.0.1:{real}")
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    temporary = "\n".join(f"{kind}_temp_path {folder}/{kind};" for kind in kinds)
    (folder / "nginx.conf").write_text(
        f"daemon off; pid {folder}/pid; error_log {folder}/error.log; worker_rlimit_nofile 8192;\n"
        f"events {{ worker_connections 4096; }}\nhttp {{ access_log off; {temporary}\n{told} }}\n"
    )
    arguments = ["-p", str(folder), "-c", str(folder / "nginx.conf"), "-e", str(folder / "error.log")]
    process = subprocess.Popen([binary, *arguments])
    try:
        wait_for(port)
        yield port
    finally:
        process.terminate()
        process.wait(PATIENCE)


def wait_for(port: int) -> None:
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            assert time.monotonic() < deadline, f"nothing listens on {port}"
            time.sleep(0.02)
        else:
            return
