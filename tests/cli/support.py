"""Commands in this process, and as processes that are watched line by line."""

from __future__ import annotations

import codecs
import fcntl
import os
import pty
import queue
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from click.testing import CliRunner, Result

from poe_asgi.cli import main

ROOT = Path(__file__).parents[2]
SECONDS = 30.0  # for anything to happen; far more than it takes

ECHO = """\
from poe_asgi import Answer, Bot, QueryContext, Settings, create_app

bot = Bot("Echo", settings=Settings(introduction_message="Say something."))


@bot.query
async def echo(ctx: QueryContext) -> Answer:
    yield ctx.text
"""


def write(name: str, text: str = ECHO) -> Path:
    """A file in the current folder."""
    path = Path(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def invoke(*arguments: str, stdin: str | None = None, **environment: str | None) -> Result:
    """Run a command in this process. An exception that is no click.Exit is a bug, and raised."""
    result = CliRunner().invoke(main, list(arguments), input=stdin, env=environment)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


class Command:
    """A command in a process of its own: what it writes, line by line."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.output = ""
        self._lines: queue.Queue[str | None] = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()

    def until(self, pattern: str) -> re.Match[str]:
        """Wait until a line of what comes from now on matches."""
        deadline = time.monotonic() + SECONDS
        while True:
            try:
                line = self._lines.get(timeout=max(0, deadline - time.monotonic()))
            except queue.Empty:
                raise AssertionError(f"Nothing matched {pattern!r} in:\n{self.output}") from None
            assert line is not None, f"It ended before {pattern!r}:\n{self.output}"
            self.output += line
            if found := re.search(pattern, line):
                return found

    def ended(self, number: int | None = None) -> int:
        """Send a signal, if one is given, and wait for the end; the exit code."""
        if number is not None:
            self.process.send_signal(number)
        code = self.process.wait(SECONDS)
        while (line := self._lines.get(timeout=SECONDS)) is not None:
            self.output += line
        return code

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self._lines.put(line)
        self._lines.put(None)


@contextmanager
def running(*arguments: str, **environment: str) -> Iterator[Command]:
    """``poe-asgi …`` in the current folder; it is ended by its id, and the test fails if it does not end by itself."""
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", "poe_asgi.cli", *arguments],
        env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    command = Command(process)
    try:
        yield command
        if process.poll() is None:
            command.ended(signal.SIGINT)
    finally:
        if process.poll() is None:
            process.kill()
            process.wait(SECONDS)
        assert process.stdout is not None
        process.stdout.close()


class Terminal:
    """A command that believes to be in a terminal: what it writes, without the control sequences."""

    def __init__(self, process: subprocess.Popen[bytes], master: int) -> None:
        self.process = process
        self.output = ""
        self._master = master
        self._decoder = codecs.getincrementaldecoder("utf-8")()
        self._read = 0

    def send(self, keys: str) -> None:
        """Type something."""
        os.write(self._master, keys.encode())

    def until(self, text: str) -> None:
        """Wait until this is written, after what was waited for before."""
        deadline = time.monotonic() + SECONDS
        while (found := self.output.find(text, self._read)) < 0:
            assert self._more(deadline), f"Nothing like {text!r} in:\n{self.output[self._read :]}"
        self._read = found + len(text)

    def ended(self) -> int:
        """Wait for the end; the exit code."""
        while self._more(time.monotonic() + SECONDS):
            pass
        return self.process.wait(SECONDS)

    def _more(self, deadline: float) -> bool:
        if not select.select([self._master], [], [], max(0, deadline - time.monotonic()))[0]:
            return False
        try:
            part = os.read(self._master, 65536)
        except OSError:  # Linux says so when the other side is closed
            return False
        self.output += re.sub(r"\x1b\[[0-9;?]*[A-Za-z]|\r", "", self._decoder.decode(part))
        return bool(part)


@contextmanager
def terminal(*arguments: str, columns: int = 80) -> Iterator[Terminal]:
    """``poe-asgi …`` in a terminal of its own."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
    process = subprocess.Popen(
        [sys.executable, "-P", "-c", _IN_TERMINAL, *arguments],
        env={**os.environ, "PYTHONPATH": str(ROOT), "TERM": "xterm"},
        stdin=slave,
        stdout=slave,
        stderr=slave,
        start_new_session=True,
    )
    os.close(slave)
    try:
        yield Terminal(process, master)
    finally:
        if process.poll() is None:
            process.kill()
            process.wait(SECONDS)
        os.close(master)


# The terminal becomes the controlling one, so that Ctrl-C is a signal; what a shell runs in the background ignores it.
_IN_TERMINAL = """\
import fcntl, signal, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
signal.signal(signal.SIGINT, signal.default_int_handler)
from poe_asgi.cli import main
main(prog_name="poe-asgi")
"""
