"""The one place where the command line meets the playground: a page that knows more of the bot once it is loaded."""

from __future__ import annotations

from typing import Any

from ..local import FakePoe
from ..playground import Playground


class Page:
    """An ASGI app: the playground for the bot at a URL. The local Poe, which bots call, is below ``/poe``."""

    def __init__(self, url: str, *, access_key: str, poe: FakePoe) -> None:
        self._access_key = access_key
        self._poe = poe
        self._url = url
        self.playground = Playground(url, access_key=access_key, fake_poe=poe)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await self.playground.app(scope, receive, send)

    def knows(self, url: str, *, name: str | None, imported_from: str) -> None:
        """Where the bot is, what it is called, and how a test imports it. Before the first conversation."""
        before = self.playground
        self.playground = Playground(
            url,
            access_key=self._access_key,
            token=before.token,
            fake_poe=self._poe,
            name=name or "Your bot",
            imported_from=imported_from,
        )
        before.close()  # pages that are open come back to the new one

    def close(self) -> None:
        """Let go of the pages that are open."""
        self.playground.close()
