"""`create_app`, `bot_routes` and `drain`: bots as ASGI apps. Building one does no I/O."""

from __future__ import annotations

import math
from collections.abc import AsyncIterator, Awaitable, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from ..errors import ConfigurationError
from ..protocol import parse_request
from . import _signals
from ._admission import Admission
from ._bot import Bot
from ._endpoint import BotEndpoint
from ._health import Liveness, Readiness
from ._keys import Keys
from ._lifespan import running
from ._site import Site
from ._starlette import ASGIApp, BaseRoute, Receive, Route, Scope, Send, Starlette

if TYPE_CHECKING:
    from ..observe import Observer
    from ._attended import Attendance


class AnswerRoute(Route):
    """A route without parameters to an ASGI app that streams answers, and answers every method itself."""


class _App(Starlette):
    """Starlette, with a short way to the bots.

    Every token of an answer passes whatever stands between a bot and the server. Starlette's own error handling and
    routing are left out of that way: a bot answers all its failures itself. Middleware that is added stays in.
    """

    def build_middleware_stack(self) -> ASGIApp:
        stack = super().build_middleware_stack()
        bots = {route.path: route.app for route in self.routes if isinstance(route, AnswerRoute)}
        if self.user_middleware:
            return stack

        def shortest(scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
            mounted = scope.get("root_path")  # then the path begins with it
            app = bots.get(scope["path"]) if scope["type"] == "http" and not mounted else None
            return (app or stack)(scope, receive, send)

        return shortest


def create_app(
    bots: Bot | Mapping[str, Bot],
    *,
    access_key: Keys = None,
    allow_without_key: bool = False,
    drain_seconds: float = 20,
    openai: bool = False,
    admission: Admission | None = None,
    observers: Sequence[Observer] = (),
    health: str | None = None,
) -> Starlette:
    """A Starlette app that serves one bot at ``/``, or several at their paths.

    ``access_key`` is for bots that have none of their own, before the variable POE_ACCESS_KEY; a bot without any key
    fails the start-up, unless ``allow_without_key`` is set for local development. On SIGTERM running answers may go on
    for ``drain_seconds``. With ``openai`` the same bots are models of an OpenAI-compatible API under ``/v1``.

    ``admission`` says how many queries are let in, and ``observers`` see what happens. ``health`` is a path such as
    ``/healthz``: it answers 200, and 503 while the app drains; ``/live`` below it answers 200 as long as anything does.

    Raises ConfigurationError for wrong paths and for bots without a handler.
    """
    site = site_of(
        access_key,
        allow_without_key=allow_without_key,
        drain_seconds=drain_seconds,
        admission=admission,
        observers=observers,
    )
    endpoints = endpoints_of(bots, site)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        site.draining = False
        parse_request({"type": "query", "query": [{"role": "user", "content": ""}]})  # or the first one would be slow
        for endpoint in endpoints.values():
            endpoint.prepare()
        async with running(*(endpoint.bot for endpoint in endpoints.values())):
            yield

    routes = [route for path, endpoint in endpoints.items() for route in both(path, endpoint)]
    if openai:
        from ..openai_api import door  # it stands above this package: asked for, not needed

        routes += door(endpoints)
    routes += pages_beside(endpoints, site, health)
    app = _App(routes=routes, lifespan=lifespan)
    app.router.redirect_slashes = False
    app.state.poe_asgi = site
    return app


def bot_routes(
    bot: Bot,
    *,
    path: str = "/",
    access_key: Keys = None,
    allow_without_key: bool = False,
    drain_seconds: float = 20,
    admission: Admission | None = None,
    observers: Sequence[Observer] = (),
) -> list[BaseRoute]:
    """Routes for an existing Starlette or FastAPI app, whose lifespan needs ``async with running(bot)``.

    ``admission`` and ``observers`` are those of `create_app`, for these routes alone; what an observer serves at a path
    of its own is among them. Raises ConfigurationError.
    """
    site = site_of(
        access_key,
        allow_without_key=allow_without_key,
        drain_seconds=drain_seconds,
        admission=admission,
        observers=observers,
    )
    ((path, endpoint),) = endpoints_of({path: bot}, site).items()
    return [*both(path, endpoint), *pages_beside([path], site)]


async def drain(app: Starlette) -> None:
    """Take no new queries, and wait until the running ones have ended: by themselves, or after ``drain_seconds``.

    For an app of `create_app`, from any thread's event loop. SIGTERM does the same.
    """
    site = getattr(app.state, "poe_asgi", None)
    if not isinstance(site, Site):
        raise ConfigurationError("drain takes an app of create_app.")
    await site.drain()


def _attendance(admission: Admission | None, observers: Sequence[Observer]) -> Attendance | None:
    if admission is not None and not isinstance(admission, Admission):
        raise ConfigurationError(f"admission= takes an Admission, not {type(admission).__name__}.")
    if admission is None and not observers:
        return None
    from ._attended import Attendance

    return Attendance(admission, observers)


def site_of(
    access_key: Keys,
    *,
    allow_without_key: bool,
    drain_seconds: float,
    admission: Admission | None,
    observers: Sequence[Observer],
) -> Site:
    """What the bots of one app, or of one list of routes, have in common."""
    if not isinstance(drain_seconds, (int, float)) or not 0 <= drain_seconds < math.inf:
        raise ConfigurationError(f"drain_seconds must be a number of seconds from 0, not {drain_seconds!r}.")
    site = Site(
        access_key=access_key,
        allow_without_key=allow_without_key,
        drain_seconds=drain_seconds,
        attendance=_attendance(admission, observers),
    )
    _signals.sites.add(site)
    return site


def endpoints_of(bots: Bot | Mapping[str, Bot], site: Site) -> dict[str, BotEndpoint]:
    """The bots at their paths, without the slash at the end. Raises ConfigurationError for what is no bot or path."""
    return {path: BotEndpoint(bot, site, path) for path, bot in _by_path(bots).items()}


def both(path: str, app: ASGIApp) -> list[BaseRoute]:
    """Routes with and without the slash at the end: a redirect would lose the request."""
    paths = ["/"] if path == "/" else [path, f"{path}/"]
    return [AnswerRoute(each, app) for each in paths]


def pages_beside(taken: Collection[str], site: Site, health: str | None = None) -> list[BaseRoute]:
    """What is asked of an app without a key: its health, and what its observers serve."""
    pages: list[tuple[str, ASGIApp]] = []
    if health is not None:
        pages += [(health, Readiness(site)), (f"{health}/live", Liveness())]
    for observer in site.attendance.observers if site.attendance is not None else ():
        pages += getattr(observer, "routes", {}).items()
    seen: set[str] = set()
    for path, _ in pages:
        if not is_path(path) or path.endswith("/") or path in taken:
            raise ConfigurationError(f"{path!r} is no path for a page beside the bots, such as '/healthz'.")
        if path in seen:
            raise ConfigurationError(f"Two pages have the path {path!r}.")
        seen.add(path)
    return [Route(path, page, methods=["GET"]) for path, page in pages]  # Starlette adds HEAD


def _by_path(bots: Bot | Mapping[str, Bot]) -> dict[str, Bot]:
    if isinstance(bots, Bot):
        bots = {bots.path: bots}
    if not isinstance(bots, Mapping) or not bots:
        raise ConfigurationError('create_app takes a Bot, or several by path: create_app({"/shout": shout}).')
    for path, bot in bots.items():
        if not is_path(path):
            raise ConfigurationError(f"{path!r} is no path for a bot: it starts with `/` and has no parameters.")
        if not isinstance(bot, Bot):
            raise ConfigurationError(f"At {path!r} there is no Bot but a {type(bot).__name__}.")
    plain = {path.rstrip("/") or "/": bot for path, bot in bots.items()}
    if len(plain) != len(bots):
        raise ConfigurationError("Two bots have the same path; a slash at the end makes no difference.")
    return plain


def is_path(path: object) -> bool:
    """Whether this can stand in a route as it is: it starts with ``/`` and has no parameters."""
    return isinstance(path, str) and path.startswith("/") and "{" not in path and "//" not in path
