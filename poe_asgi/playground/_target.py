"""The bot, as the playground sees it: an ASGI app or a URL that requests are sent to."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from typing import Any
from urllib.parse import urlsplit

from ..client import Connection, HttpRequest, HttpResponse, Transport, Upstream, upstream
from ..errors import ConfigurationError
from ..local import AsgiApp, AsgiTransport


class Target:
    """Where the bot is, and its key."""

    def __init__(self, bot: AsgiApp | str, access_key: str | None) -> None:
        self._key = access_key
        self._app = bot if not isinstance(bot, str) else None
        self._state: dict[str, Any] = {}
        self.poe: Upstream | None = None  # where the calls of a bot in this process go
        if isinstance(bot, str):
            self.url = checked_url(bot)
        elif callable(bot):
            self.url = "http://bot.test/"
        else:
            raise ConfigurationError(f"The playground takes an ASGI app or a URL, not a {type(bot).__name__}.")

    @asynccontextmanager
    async def post(self, body: Mapping[str, Any]) -> AsyncIterator[HttpResponse]:
        """The answer to this request, as soon as it begins. Leaving the block early is a user who leaves.

        Raises ConnectionFailedError and ConnectTimeoutError.
        """
        headers = {"content-type": "application/json"}
        if self._key is not None:
            headers["authorization"] = f"Bearer {self._key}"
        request = HttpRequest(method="POST", url=self.url, headers=headers, content=json.dumps(body).encode("ascii"))
        with self._surroundings():
            response = await self._transport().send(request)
        try:
            yield response
        finally:
            await response.aclose()

    async def lifespan(self, scope: Any, receive: Any, send: Any) -> None:
        """Run the lifespan of an app."""
        assert self._app is not None
        scope["state"] = self._state
        await self._app(scope, receive, send)

    @property
    def has_lifespan(self) -> bool:
        """Whether there is one to be run here."""
        return self._app is not None

    @property
    def key(self) -> str:
        """What the user's own files are uploaded with."""
        return self._key or "playground"

    def _transport(self) -> Transport:
        if self._app is None:
            return Connection(base_url=self.url).transport()
        return AsgiTransport(self._with_state)

    async def _with_state(self, scope: Any, receive: Any, send: Any) -> None:
        assert self._app is not None
        scope["state"] = self._state.copy()
        await self._app(scope, receive, send)

    @contextmanager
    def _surroundings(self) -> Iterator[None]:
        token = upstream.set(self.poe or upstream.get())
        try:
            yield
        finally:
            upstream.reset(token)


def checked_url(url: str) -> str:
    """The URL of a bot. Raises ConfigurationError."""
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ConfigurationError(f"The URL of a bot begins with http:// or https://, not {url!r}.")
    return url
