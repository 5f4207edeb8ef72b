"""The playground as an ASGI app: the page, its files, the calls that it makes, and a Poe for the bot below ``/poe``."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any
from urllib.parse import parse_qs

from .._clock import current_clock
from ..client import Upstream
from ..errors import RequestError
from ..local import AsgiTransport, HttpAnswer

# The raw ASGI that FakePoe is made with.
from ..local._asgi import (
    GoneError,
    Incoming,
    Receive,
    Scope,
    Send,
    Streamed,
    TooLargeError,
    json_answer,
    read,
    respond,
    serve_lifespan,
)
from ._api import ROUTES
from ._desk import Desk
from ._files import UNTIL, has_ended
from ._guard import PAGE_HEADERS, Guard, file_headers
from ._refusal import RefusedError

_TYPES = {"css": "text/css", "html": "text/html", "js": "text/javascript", "svg": "image/svg+xml"}
_ASSET = re.compile(r"/page/([a-z_]+\.(?:css|js|svg))")
TOKEN_HEADER = "x-playground-token"  # noqa: S105
POE = "/poe"
_OVER = b"This URL is over: those of attachments are good for 10 minutes. Download what is needed at once."


class App:
    """One playground."""

    def __init__(self, desk: Desk, guard: Guard) -> None:
        self._desk = desk
        self._guard = guard

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._lifespan(scope, receive, send)
        elif scope["type"] == "http":
            await self._http(scope, receive, send)

    async def _lifespan(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            if self._desk.target.has_lifespan:
                await self._desk.target.lifespan(scope, receive, send)
            else:
                await serve_lifespan(receive, send)
        finally:
            await self._desk.close()

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
        path = scope["path"].removeprefix(scope.get("root_path", ""))
        refusal = self._guard.refusal(headers, scope["scheme"])
        if refusal is not None:
            await respond(refusal, receive, send)
            return
        base = f"{scope['scheme']}://{headers.get('host', 'localhost')}{scope.get('root_path', '')}"
        self._desk.target.poe = Upstream(base + POE, AsgiTransport(self))
        if path.startswith(f"{POE}/files/") and _is_over(scope):
            await respond(HttpAnswer(403, body=_OVER, content_type="text/plain"), receive, send)
            return
        if path.startswith(f"{POE}/"):
            scope = {**scope, "root_path": scope.get("root_path", "") + POE}
            await self._desk.poe(scope, receive, _as_file(send) if path.startswith(f"{POE}/files/") else send)
            return
        try:
            request = await read(scope, receive)
            answer = await self._answer(request, path)
        except GoneError:
            return
        except TooLargeError:
            answer = json_answer({"error": "That is too large."}, 413)
        await respond(answer, receive, _with_headers(send, PAGE_HEADERS))

    async def _answer(self, request: Incoming, path: str) -> HttpAnswer | Streamed:
        if path == "/" and request.method in {"GET", "HEAD"}:
            return _asset("index.html") if self._guard.knows(request.query.get("token", "")) else Guard.without_token()
        if (found := _ASSET.fullmatch(path)) is not None and request.method in {"GET", "HEAD"}:
            return _asset(found[1])
        if not path.startswith("/api/"):
            return json_answer({"error": "There is nothing here."}, 404)
        if not self._guard.knows(request.headers.get(TOKEN_HEADER, "")):
            return Guard.without_token()
        for method, pattern, action in ROUTES:
            match = re.fullmatch(pattern, path) if method == request.method else None
            if match is not None:
                return await _acted(action, self._desk, request, match.groups())
        return json_answer({"error": "There is nothing here."}, 404)


async def _acted(action: Any, desk: Desk, request: Incoming, found: tuple[str, ...]) -> HttpAnswer | Streamed:
    try:
        answer = await action(desk, request, *found)
    except RefusedError as exc:
        return json_answer({"error": str(exc)}, 409)
    except (RequestError, ValueError, KeyError, TypeError):
        return json_answer({"error": "The playground does not understand this."}, 400)
    return answer if isinstance(answer, HttpAnswer | Streamed) else json_answer(answer)


def _is_over(scope: Scope) -> bool:
    given = parse_qs(scope["query_string"].decode("latin-1")).get(UNTIL)
    return given is not None and has_ended(given[0], current_clock().time())


@cache
def _asset(name: str) -> HttpAnswer:
    file = files(__package__) / "page" / name
    if not file.is_file():
        return json_answer({"error": "There is nothing here."}, 404)
    kind = _TYPES[name.rpartition(".")[2]]
    return HttpAnswer(body=file.read_bytes(), content_type=f"{kind}; charset=utf-8")


def _with_headers(send: Send, headers: Mapping[str, str]) -> Send:
    """A ``send`` that adds these to the headers of the answer, where the answer has none of its own."""

    async def sending(message: Any) -> None:
        if message["type"] == "http.response.start":
            there = {name for name, _ in message["headers"]}
            raw = ((name.encode("latin-1"), value.encode("latin-1")) for name, value in headers.items())
            message = {**message, "headers": [*message["headers"], *(pair for pair in raw if pair[0] not in there)]}
        await send(message)

    return sending


def _as_file(send: Send) -> Send:
    async def sending(message: Any) -> None:
        if message["type"] == "http.response.start":
            kind = dict(message["headers"]).get(b"content-type", b"").decode("latin-1")
            await _with_headers(send, file_headers(kind))(message)
        else:
            await send(message)

    return sending
