"""A reader that is slower than the handler, on a real socket: memory stays flat."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

KEY = "k" * 32
MEGABYTE = 2**20

SERVER = """
import socket, sys
import uvicorn
from poe_asgi import Bot, Limits, create_app

bot = Bot(limits=Limits(characters=10**9))

@bot.query
async def flood(ctx):
    for number in range(int(ctx.text)):
        yield f"{number:>999} "

listener = socket.create_server(("127.0.0.1", 0))
listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 65536)
print(listener.getsockname()[1], flush=True)
server = uvicorn.Server(uvicorn.Config(create_app(bot, access_key="k" * 32), log_level="warning", lifespan="off"))
server.run([listener])
"""


@contextmanager
def serving() -> Iterator[tuple[int, int]]:
    """(pid, port) of a server in a process of its own."""
    process = subprocess.Popen([sys.executable, "-c", SERVER], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield process.pid, int(process.stdout.readline())
    finally:
        process.terminate()
        process.communicate(timeout=10)


def resident(pid: int) -> int:
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0]) * 1024


def ask(port: int, text: str) -> socket.socket:
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    client.settimeout(20)
    client.connect(("127.0.0.1", port))
    body = json.dumps({"type": "query", "query": [{"role": "user", "content": text}]}).encode()
    head = f"POST / HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {KEY}\r\nContent-Length: {len(body)}\r\n\r\n"
    client.sendall(head.encode() + body)
    return client


def read_all(client: socket.socket) -> int:
    """How many bytes came until the end of the answer."""
    size, tail = 0, b""
    while not tail.endswith(b"0\r\n\r\n"):
        chunk = client.recv(MEGABYTE)
        assert chunk, "the answer was cut"
        size += len(chunk)
        tail = (tail + chunk)[-64:]
    assert b"event: done" in tail
    return size


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="reads the memory of a process from /proc")
def test_memory_is_flat_while_a_reader_stalls_and_after_it_has_read_all() -> None:
    with serving() as (pid, port):
        with ask(port, "1000") as client:  # a megabyte, to warm up
            read_all(client)
        before = resident(pid)
        with ask(port, "40000") as client:  # forty megabytes
            client.recv(1)
            time.sleep(0.5)  # stalled: the server would have made it all by now
            stalled = resident(pid)
            assert read_all(client) > 40 * 1000 * 1000
        after = resident(pid)
    assert stalled - before < 4 * MEGABYTE
    assert after - before < 6 * MEGABYTE
