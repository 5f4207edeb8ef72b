"""Finds blocking calls: a thread that asks the event loop to turn, and looks at its stack when it does not."""

from __future__ import annotations

import asyncio
import linecache
import sys
import threading
import time
from collections import Counter
from types import FrameType

from ._project import is_authors
from ._reports import Reports

BLOCKED_SECONDS = 0.1
_PAUSE = 0.05  # between two looks at a loop that turns
_SAMPLE = 0.02  # between two looks at one that does not


class Watchdog:
    """Watches the running event loop of the thread it is made in. Each place in the author's code is told once."""

    def __init__(self, reports: Reports) -> None:
        self._reports = reports
        self._loop = asyncio.get_running_loop()
        self._watched = threading.get_ident()
        self._over = threading.Event()
        self._told: set[tuple[str, int]] = set()

    def start(self) -> None:
        """Watch from now on, as long as the loop runs."""
        threading.Thread(target=self._watch, name="poe-asgi watchdog", daemon=True).start()

    def stop(self) -> None:
        """Watch no longer."""
        self._over.set()

    def _watch(self) -> None:
        while not self._over.wait(_PAUSE):
            turned = threading.Event()
            asked = time.monotonic()
            try:
                self._loop.call_soon_threadsafe(turned.set)
            except RuntimeError:  # the loop is closed
                return
            if not turned.wait(BLOCKED_SECONDS):
                self._look_until(turned, asked)

    def _look_until(self, turned: threading.Event, since: float) -> None:
        places: Counter[tuple[str, int, str]] = Counter()
        while True:
            place = _place(sys._current_frames().get(self._watched))  # noqa: SLF001  # there is no public name for it
            if place is not None:
                places[place] += 1
            if turned.wait(_SAMPLE) or self._over.is_set():
                break
        if places:
            (filename, line, function), _ = places.most_common(1)[0]
            self._tell(filename, line, function, time.monotonic() - since)

    def _tell(self, filename: str, line: int, function: str, seconds: float) -> None:
        if (filename, line) not in self._told:
            self._told.add((filename, line))
            code = linecache.getline(filename, line).strip()
            self._reports.send("blocked", file=filename, line=line, function=function, code=code, seconds=seconds)


def _place(frame: FrameType | None) -> tuple[str, int, str] | None:
    """The innermost frame of the author's: file, line, function."""
    while frame is not None and not is_authors(frame.f_code.co_filename):
        frame = frame.f_back
    return (frame.f_code.co_filename, frame.f_lineno, frame.f_code.co_name) if frame is not None else None
