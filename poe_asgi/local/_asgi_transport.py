"""`AsgiTransport`: calls an ASGI app in the same process, and hands on its body as it comes.

The app runs in a task of its own, owned by the response: closing the response tells the app that its client has
disconnected, gives it time to end, and then cancels it. One chunk is under way at a time, so a reader that stalls
pushes back on the app.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, MutableMapping
from typing import Any, TypeAlias
from urllib.parse import unquote, urlsplit

from ..client import HttpRequest, HttpResponse
from ..errors import ConnectionFailedError

AsgiMessage: TypeAlias = MutableMapping[str, Any]
AsgiApp: TypeAlias = Callable[
    [MutableMapping[str, Any], Callable[[], Awaitable[AsgiMessage]], Callable[[AsgiMessage], Awaitable[None]]],
    Awaitable[None],
]

# What a disconnected app gets to end by itself: more than a bot's own close_seconds, for the handler's are among them.
_END_SECONDS = 5.0


class AsgiTransport:
    """A `Transport` to one ASGI app. ``client`` is the address the app sees."""

    def __init__(self, app: AsgiApp, *, client: tuple[str, int] = ("127.0.0.1", 50_000)) -> None:
        self._app = app
        self._client = client

    async def send(self, request: HttpRequest) -> HttpResponse:
        exchange = _Exchange(request)
        exchange.start(self._app, self._client)
        try:
            await exchange.headers_came()
        except BaseException:
            await exchange.aclose()
            raise
        return exchange

    async def aclose(self) -> None:
        """Nothing is held between calls."""


class _Exchange:
    def __init__(self, request: HttpRequest) -> None:
        self._request = request
        self._body = _chunks_of(request)
        self._sent_all = False
        self._gone = asyncio.Event()
        self._chunks: asyncio.Queue[bytes | None] = asyncio.Queue(maxsize=1)
        self._started: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._task: asyncio.Task[None] | None = None
        self._failed: BaseException | None = None
        self.status = 0
        self.headers: Mapping[str, str] = {}

    def start(self, app: AsgiApp, client: tuple[str, int]) -> None:
        url = urlsplit(self._request.url)
        headers = {"host": url.netloc, **{name.lower(): value for name, value in self._request.headers.items()}}
        scope = {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": "1.1",
            "method": self._request.method,
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
        self._task = asyncio.create_task(self._run(app, scope))

    async def headers_came(self) -> None:
        await asyncio.shield(self._started)

    async def chunks(self) -> AsyncIterator[bytes]:
        while (chunk := await self._chunks.get()) is not None:
            yield chunk
        if self._failed is not None:
            raise ConnectionFailedError(f"The app failed in mid-answer ({type(self._failed).__name__}).")

    async def aclose(self) -> None:
        self._gone.set()
        self._drop_chunks()
        if self._task is None or self._task.done():
            return
        await asyncio.wait([self._task], timeout=_END_SECONDS)
        if not self._task.done():
            self._task.cancel()
            await asyncio.wait([self._task], timeout=_END_SECONDS)

    # ---- the app's side

    async def _run(self, app: AsgiApp, scope: MutableMapping[str, Any]) -> None:
        try:
            await app(scope, self._receive, self._send)
        except Exception as exc:  # noqa: BLE001
            self._failed = exc
        if not self._started.done():
            reason = f" ({type(self._failed).__name__})" if self._failed is not None else ""
            self._started.set_exception(ConnectionFailedError(f"The app gave no answer{reason}."))
            self._started.exception()  # nobody may be waiting any more
        if not self._gone.is_set():
            await self._put(None)

    async def _receive(self) -> AsgiMessage:
        if not self._sent_all:
            chunk = await anext(self._body, None)
            self._sent_all = chunk is None
            return {"type": "http.request", "body": chunk or b"", "more_body": chunk is not None}
        await self._gone.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: AsgiMessage) -> None:
        if self._gone.is_set():
            return
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self.headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in message["headers"]}
            if not self._started.done():
                self._started.set_result(None)
        elif message.get("body"):
            await self._put(message["body"])

    async def _put(self, chunk: bytes | None) -> None:
        """Hand on a chunk, unless the reader leaves first."""
        put = asyncio.ensure_future(self._chunks.put(chunk))
        gone = asyncio.ensure_future(self._gone.wait())
        try:
            await asyncio.wait([put, gone], return_when=asyncio.FIRST_COMPLETED)
        finally:
            put.cancel()
            gone.cancel()
            await asyncio.wait([put, gone])

    def _drop_chunks(self) -> None:
        while not self._chunks.empty():
            self._chunks.get_nowait()


async def _chunks_of(request: HttpRequest) -> AsyncIterator[bytes]:
    if isinstance(request.content, bytes):
        yield request.content
    else:
        async for chunk in request.content:
            yield chunk
