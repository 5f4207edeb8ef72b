"""From an HTTP request to a response, in this order: method, key, size, time, JSON, type, fields; then by ``type``."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import cached_property
from typing import Any

from .._clock import current_clock, until
from ..errors import AnswerError, ConfigurationError, RequestError
from ..protocol import (
    CONTENT_TYPES,
    Answer,
    ErrorReportRequest,
    FeedbackRequest,
    Limits,
    Meta,
    QueryRequest,
    ReactionRequest,
    Request as PoeRequest,
    Settings,
    SettingsRequest,
    UnknownRequestTypeError,
    Wire,
    parse_json_object,
    parse_request,
)
from ._body import RefusedError, read_body
from ._bot import Bot
from ._contexts import (
    Context,
    ErrorReportContext,
    FeedbackContext,
    QueryContext,
    ReactionContext,
    SettingsContext,
)
from ._driver import Driver
from ._handlers import name_of
from ._keys import find_keys, how_to_set, matching, warn_of_lengths
from ._lifespan import deps_of
from ._outlet import Outlet
from ._reports import Report, error_id
from ._site import Site
from ._starlette import ASGIApp, HTMLResponse, Receive, Request, Response, Scope, Send, json_response

log = logging.getLogger("poe_asgi.server")

HOOK_SECONDS = 5  # Poe waits no longer for any answer

_PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><title>Poe server bot</title>
<style>body { font: 16px/1.6 system-ui, sans-serif; max-width: 36rem; margin: 20vh auto; padding: 0 1rem }
:root { color-scheme: light dark }</style>
<h1>This bot is up.</h1>
<p>It is a server bot for <a href="https://poe.com">Poe</a>, which talks to it by POST.</p></html>
"""

_HOOKS: dict[type[Any], tuple[str, type[Context[Any]]]] = {
    FeedbackRequest: ("on_feedback", FeedbackContext),
    ReactionRequest: ("on_reaction", ReactionContext),
    ErrorReportRequest: ("on_error_report", ErrorReportContext),
}


class BotEndpoint:
    """The ASGI app of one bot at one path."""

    def __init__(self, bot: Bot, site: Site, path: str) -> None:
        _ = bot.handler  # a bot that cannot answer is a mistake to be found now
        self.bot = bot
        self.site = site
        self.path = path
        self._keys: tuple[str, ...] | None = None  # not looked up yet
        self._open = False

    @cached_property
    def answers(self) -> ASGIApp:
        """What streams the answers; each finds its driver in the scope."""
        from ._answer import AnswerResponse  # loaded at the start-up

        return AnswerResponse(self.site)

    def access_keys(self) -> tuple[str, ...]:
        """The keys that are asked for, as far as they are set now."""
        return find_keys(self.bot.access_keys, self.bot.name, self.site.access_keys)

    def prepare(self) -> None:
        """Look up the keys. Raises ConfigurationError when there are none and the app may not run without."""
        _ = self.answers
        found = self.access_keys()
        if not found and self.site.allow_without_key:
            log.warning("%r runs without an access key: anybody can call it.", self.bot)
        elif not found:
            self._keys = ()
            raise ConfigurationError(how_to_set(self.bot.name))
        warn_of_lengths(found, self.bot.name)
        self._keys = found
        self._open = not found

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            started = current_clock().time()
        except RuntimeError:
            raise RuntimeError("poe-asgi runs on asyncio; this server runs on another event loop.") from None
        response = await self._respond(scope, receive, send, started)
        with suppress(OSError):  # the client is gone
            await response(scope, receive, send)

    async def _respond(self, scope: Scope, receive: Receive, send: Send, started: float) -> ASGIApp:
        match scope["method"]:
            case "GET" | "HEAD":
                return HTMLResponse(_PAGE)
            case "POST":
                pass
            case _:
                return _refuse(405, "Poe calls a bot by POST.", {"Allow": "GET, HEAD, POST"})
        key = self.authenticate(scope)
        if key is None:
            return _refuse(401, "The access key is missing or wrong.", {"WWW-Authenticate": "Bearer"})
        try:
            body = await read_body(scope, receive, self.bot.limits)
            sent = parse_json_object(body)
            request = parse_request(sent)
            if isinstance(request, QueryRequest):
                self.admit()
        except RefusedError as exc:
            return _refuse(exc.status, str(exc), exc.headers)
        except UnknownRequestTypeError as exc:
            return _refuse(501, str(exc))
        except RequestError as exc:
            return _refuse(400, str(exc), fields=exc.fields)
        # Usually without `receive`: the body is gone, and waiting for it would take until the disconnect.
        http = Request(scope)
        if self.bot.keeps_body:
            scope["poe_asgi.sent"] = sent
            http = Request(scope, _again(body))
        if isinstance(request, QueryRequest):
            scope["poe_asgi.driver"] = self.driver(request, http, key, started, Outlet(send))
            return self.answers
        if isinstance(request, SettingsRequest):
            return await self._settings(request, http, key)
        return await self._report(request, http, key)

    # ---- for every door to the bot

    def authenticate(self, scope: Scope) -> str | None:
        """The key that the request carries, ``""`` where none is asked for, or None."""
        if self._keys is None:
            try:
                self.prepare()
            except ConfigurationError as exc:
                log.error("%s Until then every request is answered 401.", exc)  # noqa: TRY400
        if self._open:
            return ""
        header = next((value for name, value in scope["headers"] if name == b"authorization"), b"")
        return matching(header, self._keys or ())

    def admit(self) -> None:
        """Let a query in. Raises RefusedError when none is taken now."""
        if self.site.draining:
            raise RefusedError(503, "The bot is being restarted.", {"Retry-After": "1"})

    def driver(
        self,
        request: QueryRequest,
        http: Request,
        key: str,
        started: float,
        outlet: Outlet,
        *,
        limits: Limits | None = None,
        wire: Wire | None = None,
    ) -> Driver:
        """The answer to this query, not started yet. ``key`` signs the calls to other bots, unless it is empty."""
        bot, deps, handler = self.bot, None, self.bot.handler
        try:
            deps = deps_of(bot)
        except ConfigurationError as exc:
            log.error("%s", exc)  # noqa: TRY400
            handler = _not_started
        ctx: QueryContext = QueryContext(request, bot=bot, deps=deps, http=http, access_key=key or None)
        parts: dict[str, Any] = {
            "meta": bot.meta if isinstance(bot.meta, Meta) else self._meta(ctx, bot.meta),
            "limits": limits or bot.limits,
            "started": started,
            "outlet": outlet,
            "wire": wire,
            "meta_seconds": bot.meta_seconds,
        }
        if self.site.attendance is not None:
            return self.site.attendance.driver(lambda: handler(ctx), ctx, path=self.path, **parts)
        return Driver(lambda: handler(ctx), reporter=Report(ctx), **parts)

    # ---- by type

    def _meta(self, ctx: QueryContext, function: Callable[[QueryContext], Meta]) -> Meta:
        try:
            meta = function(ctx)
            if isinstance(meta, Meta) and meta.content_type in CONTENT_TYPES:
                return meta
            ctx.log.error("%s of %r returned no proper Meta; the default is used", name_of(function), self.bot)
        except Exception:
            ctx.log.exception("%s of %r failed; the default Meta is used", name_of(function), self.bot)
        return Meta()

    async def _settings(self, request: SettingsRequest, http: Request, key: str) -> Response:
        hook, settings = self.bot.hook("on_settings"), None
        if hook is not None:
            ctx = self._context(SettingsContext, request, http, key)
            try:
                settings = await _call(hook, ctx)
                if not isinstance(settings, Settings):
                    raise TypeError(f"on_settings returned {type(settings).__name__}, not Settings")  # noqa: TRY301
                return json_response(self.bot.complete(settings).to_wire())
            except Exception:
                number = error_id()
                extra = {"error_id": number}
                ctx.log.exception("%s of %r failed (error %s)", name_of(hook), self.bot, number, extra=extra)
                return _refuse(503, f"The settings cannot be told now (error {number}).")
        return json_response(self.bot.complete().to_wire())

    async def _report(self, request: PoeRequest, http: Request, key: str) -> Response:
        name, context = _HOOKS[type(request)]
        hook = self.bot.hook(name)
        if hook is not None:
            ctx = self._context(context, request, http, key)
            try:
                await _call(hook, ctx)
            except Exception:
                ctx.log.exception("%s of %r failed", name_of(hook), self.bot)
        elif isinstance(request, ErrorReportRequest):
            log.warning("Poe reports an error of %r: %.1000r", self.bot, request.message)
        return json_response({})

    def _context(self, kind: type[Context[Any]], request: Any, http: Request, key: str) -> Any:
        try:
            deps = deps_of(self.bot)
        except ConfigurationError as exc:
            log.error("%s", exc)  # noqa: TRY400
            deps = None
        return kind(request, bot=self.bot, deps=deps, http=http, access_key=key or None)


async def _not_started(_: QueryContext) -> Answer:
    raise AnswerError("This bot was not started properly: its lifespan was not run. Please tell its author.")
    yield ""  # makes it a generator


async def _call(hook: Callable[[Any], Awaitable[Any]], ctx: Context[Any]) -> Any:
    """What the hook returns. In a task of its own: one that ignores its cancellation delays nothing."""
    task = asyncio.create_task(_guarded(hook, ctx))
    try:
        await until(current_clock().time() + HOOK_SECONDS, asyncio.wait([task]))
    except TimeoutError:
        raise TimeoutError(f"it took longer than {HOOK_SECONDS} s") from None
    finally:
        task.cancel()
    if task.cancelled():
        raise RuntimeError("it was cancelled")  # by what it awaited; this request was not
    return task.result()


async def _guarded(hook: Callable[[Any], Awaitable[Any]], ctx: Context[Any]) -> Any:
    try:
        return await hook(ctx)
    except SystemExit as exc:
        raise RuntimeError("it called sys.exit") from exc


def _again(body: bytes) -> Receive:
    """Gives a body that was read before, and then nothing: a disconnect cancels whoever might ask for it."""
    messages = iter([{"type": "http.request", "body": body, "more_body": False}])

    async def receive() -> Any:
        message = next(messages, None)
        return message if message is not None else await asyncio.get_running_loop().create_future()

    return receive


def _refuse(
    status: int, message: str, headers: dict[str, str] | None = None, fields: tuple[tuple[str, str], ...] = ()
) -> Response:
    error: dict[str, Any] = {"message": message}
    if fields:
        error["fields"] = [{"path": path, "message": text} for path, text in fields]
    return json_response({"error": error}, status, headers)
