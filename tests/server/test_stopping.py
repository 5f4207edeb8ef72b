"""A real uvicorn process is told to stop while it answers."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from poe_asgi.protocol import ErrorEvent
from tests.server.serving import PATIENCE, connected, read
from tests.support import KEY, query

BOT = f"""
import asyncio, pathlib
from poe_asgi import Bot, create_app

bot = Bot(access_key="{KEY}")
told = pathlib.Path(__file__).with_name("told")

@bot.query
async def answer(ctx):
    yield "begun, "
    if ctx.text == "endless":
        await asyncio.get_running_loop().create_future()
    while not told.exists():
        await asyncio.sleep(0.01)
    yield "ended"

app = create_app(bot, drain_seconds=DRAIN)
"""


@contextmanager
def process(folder: Path, drain_seconds: float, *options: str) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """The bot in a uvicorn of its own; gives the process and its port."""
    (folder / "served.py").write_text(BOT.replace("DRAIN", str(drain_seconds)))
    command = [sys.executable, "-m", "uvicorn", "served:app", "--port", "0", "--app-dir", str(folder), *options]
    with subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True) as server:
        try:
            assert server.stderr is not None
            ports = (re.search(r"running on http://127\.0\.0\.1:(\d+)", line) for line in server.stderr)
            yield server, int(next(found for found in ports if found)[1])
        finally:
            server.kill()


async def stopped(server: subprocess.Popen[str]) -> tuple[int, str]:
    """How the process ended, and the rest of what it said."""
    _, log = await asyncio.to_thread(server.communicate, timeout=PATIENCE)
    return server.returncode, log


@pytest.mark.asyncio
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_stop_lets_one_answer_finish_and_ends_the_other_properly(number: int, tmp_path: Path) -> None:
    with process(tmp_path, 1) as (server, port):
        async with connected(port) as one, connected(port) as other:
            endless, short = await one.ask(query("endless")), await other.ask(query("short"))
            begun = [b"", b""]
            for index, answered in enumerate((endless, short)):
                while b"begun" not in begun[index]:
                    begun[index] += await answered.chunk()
            os.kill(server.pid, number)
            (tmp_path / "told").touch()
            finished = read(begun[1] + await short.body())
            ended = read(begun[0] + await endless.body())
        code, log = await stopped(server)
    assert (finished.text, finished.error) == ("begun, ended", None)
    assert ended.text == "begun, "
    assert isinstance(ended.error, ErrorEvent)
    assert ended.error.allow_retry
    assert "Traceback" not in log
    assert "Application shutdown complete" in log
    assert code in {0, -number}  # when all is done uvicorn raises the signal again, for whoever started it


@pytest.mark.asyncio
async def test_a_server_that_loses_patience_first_cuts_no_answer(tmp_path: Path) -> None:
    with process(tmp_path, 60, "--timeout-graceful-shutdown", "1") as (server, port):
        async with connected(port) as wire:
            endless = await wire.ask(query("endless"))
            begun = b""
            while b"begun" not in begun:
                begun += await endless.chunk()
            os.kill(server.pid, signal.SIGTERM)
            ended = read(begun + await endless.body())
        _, log = await stopped(server)
    assert isinstance(ended.error, ErrorEvent)
    assert ended.error.allow_retry
    assert "Traceback" not in log


@pytest.mark.asyncio
@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
async def test_a_second_interrupt_stops_at_once_and_cuts_no_answer(tmp_path: Path, loop: str) -> None:
    with process(tmp_path, 60, "--loop", loop) as (server, port):
        async with connected(port) as wire:
            endless = await wire.ask(query("endless"))
            begun = b""
            while b"begun" not in begun:
                begun += await endless.chunk()
            os.kill(server.pid, signal.SIGINT)
            await asyncio.sleep(0.5)  # the server has to see the first one before it counts the second
            os.kill(server.pid, signal.SIGINT)
            ended = read(begun + await endless.body())
        await stopped(server)
    assert isinstance(ended.error, ErrorEvent)
    assert ended.error.allow_retry
