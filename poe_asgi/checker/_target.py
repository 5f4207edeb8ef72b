"""What is checked: a URL, and what carries requests to it; or an ASGI app, served here as a server would."""

from __future__ import annotations

from ipaddress import ip_address
from typing import Any, Self
from urllib.parse import urlsplit

from ..client import Transport, open_pool
from ..errors import ConfigurationError
from ..local import AsgiApp, AsgiTransport, Lifespan

_PRIVATE_NAMES = ("localhost", ".localhost", ".local", ".internal", ".test", ".lan")


class CannotCheckError(Exception):
    """There is nothing to judge: why, in one sentence."""


class Served:
    """An ASGI app whose failures become what a server makes of them."""

    def __init__(self, app: AsgiApp) -> None:
        self._app = app
        self.failure: Exception | None = None  # of the latest request that failed

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        started = complete = False

        async def noting(message: Any) -> None:
            nonlocal started, complete
            started = True
            complete = message["type"] == "http.response.body" and not message.get("more_body", False)
            await send(message)

        try:
            await self._app(scope, receive, noting)
        except Exception as exc:
            self.failure = exc
            if complete:  # some frameworks answer 500 and raise again, for the server's log
                return
            if started:
                raise  # the connection breaks off
            headers = [(b"content-type", b"text/plain; charset=utf-8")]
            await send({"type": "http.response.start", "status": 500, "headers": headers})
            await send({"type": "http.response.body", "body": b"Internal Server Error"})


class Target:
    """Use it as an async context manager: around it an app's lifespan is run, or a pool of connections is open.

    ``path`` is where an app has the bot. A ``transport`` of one's own is borrowed. Raises ConfigurationError for
    what is neither an app nor a URL of HTTP.
    """

    def __init__(self, target: AsgiApp | str, *, path: str, transport: Transport | None) -> None:
        self.served: Served | None = None
        self._own: Transport | None = None
        self._lifespan: Lifespan | None = None
        self._given = transport
        self.shutdown_failure = ""  # in one sentence
        if isinstance(target, str):
            self.url = self.name = _checked(target)
        elif callable(target):
            if not path.startswith("/"):
                raise ConfigurationError(f"The path of a bot begins with a slash, not {path!r}.")
            self._lifespan = Lifespan(target)
            self.served = Served(self._lifespan)
            self.url = f"http://bot.test{path}"
            self.name = f"{_name_of(target)} at {path}"
        else:
            raise ConfigurationError(f"A check takes an ASGI app or a URL, not a {type(target).__name__}.")
        parts = urlsplit(self.url)
        self.scheme = parts.scheme
        self.public = isinstance(target, str) and _is_public(parts.hostname or "")

    async def __aenter__(self) -> Self:
        if self._lifespan is not None:
            try:
                await self._lifespan.start()
            except Exception as exc:
                raise CannotCheckError(f"The app did not start: {_told(exc)}") from exc
        if self.served is not None:
            self.transport: Transport = AsgiTransport(self.served)
        else:
            if self._given is None:
                self._own = open_pool()
            self.transport = self._given or self._own  # type: ignore[assignment]
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._own is not None:
            await self._own.aclose()
        if self._lifespan is not None:
            try:
                await self._lifespan.stop()
            except Exception as exc:  # noqa: BLE001
                self.shutdown_failure = f"The app's shutdown failed: {_told(exc)}"


def _checked(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ConfigurationError(f"{url!r} is no URL of a bot; it begins with http:// or https:// and has a host.")
    if parts.username or parts.password:
        raise ConfigurationError("The URL holds a user name or password; give the access key by itself.")
    return url if parts.path else f"{url.rstrip('/')}/"


def _told(exc: Exception) -> str:
    return str(exc) if isinstance(exc, ConfigurationError) else f"{type(exc).__name__}: {exc}"


def _name_of(app: object) -> str:
    name = getattr(app, "__qualname__", None) or type(app).__name__
    return f"ASGI app {name}"


def _is_public(host: str) -> bool:
    try:
        return ip_address(host).is_global
    except ValueError:
        return "." in host and not f".{host}".endswith(_PRIVATE_NAMES)
