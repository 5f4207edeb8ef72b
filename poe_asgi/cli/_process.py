"""The bot in a process of its own, seen from the one that starts it."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, Self

from ._exits import Failure
from ._target import LoadError, Target

Listener = Callable[[Mapping[str, Any]], None]

_STOP_SECONDS = 4.0  # for a bot to end its answers and leave its lifespan


class BotProcess:
    """Loads and serves a target once it is told to. ``told`` gets its reports, but for those on how the start went.

    ``files`` are the author's files that it has loaded, ``bots`` the paths and names of its bots as far as they show.
    """

    def __init__(self, process: subprocess.Popen[bytes], control: int, reports: asyncio.StreamReader) -> None:
        self._process = process
        self._control = control
        self._incoming = reports
        self._started: asyncio.Future[LoadError | None] = asyncio.get_running_loop().create_future()
        self._reading: asyncio.Task[None] | None = None
        self.files: tuple[str, ...] = ()
        self.bots: tuple[Mapping[str, Any], ...] = ()

    @classmethod
    async def spawn(
        cls, target: Target, listener: socket.socket, *, key: str | None, output: int | None = None
    ) -> Self:
        """A process that has all it needs but the target. With ``key``, that one opens its bots beside their own.

        ``output`` is a descriptor that takes what the author prints; by default it goes to where ours goes.
        """
        if os.name != "posix":
            raise Failure("This command hands sockets to other processes, which needs Linux, macOS or WSL.")
        reports, reports_end = os.pipe()
        control_end, control = os.pipe()
        given = {
            "target": target.text,
            "key": key,
            "listener": listener.fileno(),
            "reports": reports_end,
            "control": control_end,
        }
        # -P: the current folder must not hide modules of Python from this package; the target's is added later.
        command = [sys.executable, "-P", "-m", f"{__package__}._child", json.dumps(given)]
        # Ctrl-C goes to this process alone, which stops the other one.
        interrupt = signal.signal(signal.SIGINT, signal.SIG_IGN)
        try:
            process = subprocess.Popen(  # noqa: ASYNC220, S603
                command, pass_fds=(listener.fileno(), reports_end, control_end), stdout=output
            )
        finally:
            signal.signal(signal.SIGINT, interrupt)
            os.close(reports_end)
            os.close(control_end)
        incoming = asyncio.StreamReader(limit=2**24)
        loop = asyncio.get_running_loop()
        await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(incoming), os.fdopen(reports, "rb"))
        return cls(process, control, incoming)

    async def start(self, environment: Mapping[str, str], told: Listener) -> None:
        """Load the target with these variables, and serve it. Raises LoadError."""
        self._reading = asyncio.create_task(self._read(told))
        with suppress(OSError):
            os.write(self._control, f"{json.dumps({'env': dict(environment)})}\n".encode())
        failure = await self._started
        if failure is not None:
            raise failure

    async def ended(self) -> int:
        """Wait until the process has ended by itself; its exit code."""
        if self._reading is not None:
            await asyncio.wait([self._reading])
        return await asyncio.to_thread(self._process.wait)

    async def stop(self) -> None:
        """Have it end its answers and itself; after a while, end it."""
        if self._control >= 0:
            os.close(self._control)
            self._control = -1
        if not self._started.done():  # it has nothing to end properly
            self._process.kill()
        waiting = asyncio.create_task(asyncio.to_thread(self._process.wait))
        done, _ = await asyncio.wait([waiting], timeout=_STOP_SECONDS)
        if not done:
            self._process.kill()
        await waiting
        if self._reading is not None:
            await asyncio.wait([self._reading], timeout=1)  # a process of the author's may hold the pipe open
            self._reading.cancel()

    async def _read(self, told: Listener) -> None:
        try:
            while line := await self._incoming.readline():
                report = json.loads(line)
                self.files = tuple(report.get("files", self.files))
                match report["kind"]:
                    case "loaded":
                        self.bots = tuple(report["bots"])
                    case "ready":
                        self._begun(None)
                    case "failed":
                        self._begun(LoadError(report["message"], details=report["details"]))
                    case _:
                        told(report)
        finally:
            self._begun(LoadError("The bot's process ended before it was ready."))

    def _begun(self, failure: LoadError | None) -> None:
        if not self._started.done():
            self._started.set_result(failure)
