"""`AsgiTransport`: calls an ASGI app in the same process, and hands on its body as it comes.

The app runs in a task of its own, owned by the response: closing the response tells the app that its client has
disconnected, gives it time to end, and then cancels it. One chunk is under way at a time, so a reader that stalls
pushes back on the app.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Mapping
from urllib.parse import unquote, urlsplit

from ..client import HttpRequest, HttpResponse
from ..errors import ConnectionFailedError
from ._asgi import AsgiApp, AsgiMessage, Scope

log = logging.getLogger("poe_asgi.local")

# What a disconnected app gets to end by itself: more than a bot's own close_seconds, for the handler's are among them.
_END_SECONDS = 5.0

_DISCONNECT: AsgiMessage = {"type": "http.disconnect"}


class AsgiTransport:
    """A `Transport` to one ASGI app. ``client`` is the address the app sees. The app's lifespan is its owner's to run.

    What the app raises before its answer is complete is the cause of the ConnectionFailedError that the caller gets;
    later failures are logged.
    """

    def __init__(self, app: AsgiApp, *, client: tuple[str, int] = ("127.0.0.1", 50_000)) -> None:
        self._app = app
        self._client = client

    async def send(self, request: HttpRequest) -> HttpResponse:
        """The response, as soon as the app has started it. Raises ConnectionFailedError when it ends before."""
        exchange = _Exchange(request)
        exchange.start(self._app, _scope(request, self._client))
        try:
            await exchange.started
        except BaseException:
            await exchange.aclose()
            raise
        return exchange

    async def aclose(self) -> None:
        """Nothing is held between calls."""


class _Exchange:
    """The response, the iterator of its chunks, and the app's side of both."""

    def __init__(self, request: HttpRequest) -> None:
        content = request.content
        self._whole = content if isinstance(content, bytes) else None
        self._parts = aiter(content) if not isinstance(content, bytes) else None
        self._task: asyncio.Task[None] | None = None
        self._chunk: bytes | None = None  # under way
        self._complete = False  # the app has sent the last chunk
        self._ended = False  # the app has returned, or failed
        self._failed: Exception | None = None
        self._news = asyncio.Event()  # for the reader
        self._room = asyncio.Event()  # for the app that wants to send
        self._over = asyncio.Event()  # the client has left, or has everything: for the app that listens
        self._gone = False
        self.started: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.status = 0
        self.headers: Mapping[str, str] = {}

    def start(self, app: AsgiApp, scope: Scope) -> None:
        self._task = asyncio.create_task(self._run(app, scope))

    # ---- the client's side

    def chunks(self) -> AsyncIterator[bytes]:
        return self

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        while self._chunk is None:
            if self._complete or self._gone:
                raise StopAsyncIteration
            if self._ended:
                raise ConnectionFailedError(f"The app stopped in mid-answer{self._reason()}.") from self._failed
            self._news.clear()
            await self._news.wait()
        chunk, self._chunk = self._chunk, None
        self._room.set()
        return chunk

    async def aclose(self) -> None:
        self._gone = True
        self._chunk = None
        for waited_for in (self._over, self._room, self._news):
            waited_for.set()
        if self._task is None or self._task.done():
            return
        try:
            await asyncio.wait([self._task], timeout=_END_SECONDS)
        finally:
            if self._task.cancel():
                await asyncio.wait([self._task], timeout=_END_SECONDS)

    # ---- the app's side

    async def _run(self, app: AsgiApp, scope: Scope) -> None:
        try:
            await app(scope, self._receive, self._send)
        except Exception as exc:
            self._failed = exc
            if self._complete or self._gone:
                log.exception("The app failed after its client had the answer, or had left.")
        finally:
            self._ended = True
            self._news.set()
            if not self.started.done():
                error = ConnectionFailedError(f"The app gave no answer{self._reason()}.")
                error.__cause__ = self._failed
                self.started.set_exception(error)
                self.started.exception()  # nobody may be waiting any more

    def _reason(self) -> str:
        return f" ({type(self._failed).__name__})" if self._failed is not None else ""

    async def _receive(self) -> AsgiMessage:
        if self._gone:
            return _DISCONNECT
        if self._whole is not None:
            whole, self._whole = self._whole, None
            return {"type": "http.request", "body": whole, "more_body": False}
        if self._parts is not None:
            return await self._next_part(self._parts)
        await self._over.wait()
        return _DISCONNECT

    async def _next_part(self, parts: AsyncIterator[bytes]) -> AsgiMessage:
        """The next part of a streamed body. A failure of its source is the caller's, and cuts the request."""
        coming = asyncio.ensure_future(_part(parts))
        leaving = asyncio.ensure_future(self._over.wait())
        try:
            await asyncio.wait([coming, leaving], return_when=asyncio.FIRST_COMPLETED)
        finally:
            came = not coming.cancel()
            leaving.cancel()
            await asyncio.wait([coming, leaving])
        if not came:
            return _DISCONNECT
        error = coming.exception()
        if error is not None:
            self._parts = None
            self._over.set()
            if not self.started.done():
                self.started.set_exception(error)
            return _DISCONNECT
        part = coming.result()
        if part is None:
            self._parts = None
        return {"type": "http.request", "body": part or b"", "more_body": part is not None}

    async def _send(self, message: AsgiMessage) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            headers = message.get("headers", ())
            self.headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in headers}
            if not self.started.done():
                self.started.set_result(None)
            return
        if self._gone:
            await asyncio.sleep(0)  # an app that only sends must not keep the loop from everybody else
        if body := message.get("body"):
            while self._chunk is not None and not self._gone:
                self._room.clear()
                await self._room.wait()
            if not self._gone:
                self._chunk = bytes(body)
                self._news.set()
        if not message.get("more_body", False):
            self._complete = True
            self._news.set()
            self._over.set()


async def _part(parts: AsyncIterator[bytes]) -> bytes | None:
    return await anext(parts, None)


def _scope(request: HttpRequest, client: tuple[str, int]) -> Scope:
    url = urlsplit(request.url)
    headers = {"host": url.netloc, **{name.lower(): value for name, value in request.headers.items()}}
    if isinstance(request.content, bytes):
        headers.setdefault("content-length", str(len(request.content)))
    elif "content-length" not in headers:
        headers["transfer-encoding"] = "chunked"
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": request.method,
        "scheme": url.scheme,
        "path": unquote(url.path) or "/",
        "raw_path": (url.path or "/").encode(),
        "query_string": url.query.encode(),
        "root_path": "",
        "headers": [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()],
        "client": client,
        "server": (url.hostname or "", url.port or 80),
        "state": {},
    }
