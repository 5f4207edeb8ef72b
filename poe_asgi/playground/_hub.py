"""News for the pages that are open."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Callable
from typing import Any

_BEHIND = 2_000  # pieces of news that a page which does not read may be behind, before it has to begin anew


class Hub:
    """Passes news on to every open page. A page first gets everything, then what changes."""

    def __init__(self) -> None:
        self._pages: set[asyncio.Queue[bytes | None]] = set()

    def publish(self, kind: str, **members: Any) -> None:
        """Tell every page. One that is far behind is let go; it comes back and gets everything anew."""
        if not self._pages:
            return
        line = _line({"type": kind, **members})
        for page in list(self._pages):
            if page.qsize() >= _BEHIND:
                self._pages.discard(page)
                page.put_nowait(None)
            else:
                page.put_nowait(line)

    def close(self) -> None:
        """No more news: every page is let go."""
        for page in self._pages:
            page.put_nowait(None)
        self._pages.clear()

    async def lines(self, everything: Callable[[], dict[str, Any]]) -> AsyncGenerator[bytes, None]:
        """One page's news, a line of JSON each; the first is ``everything``."""
        page: asyncio.Queue[bytes | None] = asyncio.Queue()
        self._pages.add(page)
        try:
            yield _line({"type": "hello", **everything()})
            while (line := await page.get()) is not None:
                yield line
        finally:
            self._pages.discard(page)


def _line(news: dict[str, Any]) -> bytes:
    return json.dumps(news).encode("ascii") + b"\n"
