"""Waits for a change of the author's files, by looking at them: it works on every file system."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterable
from pathlib import Path

LOOK_SECONDS = 0.15


class Watch:
    """The Python files in the folders of some files, and these files themselves."""

    def __init__(self) -> None:
        self._files: set[str] = set()
        self._folders: set[str] = set()
        self._seen: dict[str, tuple[int, int]] = {}

    def on(self, files: Iterable[str | Path]) -> None:
        """Watch these, too, and whatever Python file stands beside them. Changes of those known before are kept."""
        self._files.update(map(str, files))
        self._folders = {os.path.dirname(each) for each in self._files}  # noqa: PTH120
        self._seen = {**self._look(), **self._seen}

    async def changed(self) -> list[str]:
        """The files that have changed, come or gone since the last time; waits until there are any."""
        while True:
            now = await asyncio.to_thread(self._look)
            different = sorted(path for path in now.keys() | self._seen if now.get(path) != self._seen.get(path))
            if different:
                await asyncio.sleep(LOOK_SECONDS / 3)  # editors and tools write several files, or one in two steps
                self._seen = await asyncio.to_thread(self._look)
                return different
            await asyncio.sleep(LOOK_SECONDS)

    def _look(self) -> dict[str, tuple[int, int]]:
        found = dict(filter(None, map(_state, self._files)))
        for folder in self._folders:
            try:
                with os.scandir(folder) as entries:
                    found.update(filter(None, (_state(each.path) for each in entries if each.name.endswith(".py"))))
            except OSError:
                continue
        return found


def _state(path: str) -> tuple[str, tuple[int, int]] | None:
    try:
        status = os.stat(path)  # noqa: PTH116
    except OSError:
        return None
    return path, (status.st_mtime_ns, status.st_size)
