"""The transport over a real network: one pool of httpx, of which nothing shows outside this module."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping

import httpx

from ..errors import ConnectionFailedError, ConnectTimeoutError
from ._http import HttpRequest, HttpResponse


class HttpxTransport:
    """A pool of connections, opened on first use. Redirects are not followed: they could carry a key elsewhere."""

    def __init__(self, *, connections: int = 200) -> None:
        # The transport is used, not the client: httpx logs URLs, and some of Poe's hold a key.
        self._pool = httpx.AsyncHTTPTransport(
            limits=httpx.Limits(max_connections=connections, max_keepalive_connections=connections // 4), retries=0
        )

    async def send(self, request: HttpRequest) -> HttpResponse:
        timeout = httpx.Timeout(request.read_seconds, connect=request.connect_seconds)
        outgoing = httpx.Request(
            request.method,
            request.url,
            headers={"accept-encoding": "identity", **request.headers},
            content=request.content,
            extensions={"timeout": timeout.as_dict()},
        )
        host = outgoing.url.host
        try:
            return _Response(await self._pool.handle_async_request(outgoing))
        except (httpx.ConnectTimeout, httpx.PoolTimeout):
            raise ConnectTimeoutError(f"No connection to {host} within {request.connect_seconds:g} s.") from None
        except httpx.TransportError as exc:
            raise ConnectionFailedError(f"The connection to {host} failed ({type(exc).__name__}).") from None

    async def aclose(self) -> None:
        await self._pool.aclose()


class _Response:
    def __init__(self, response: httpx.Response) -> None:
        self._response = response
        self.status = response.status_code
        self.headers: Mapping[str, str] = {name.lower(): value for name, value in response.headers.items()}

    async def chunks(self) -> AsyncIterator[bytes]:
        stream = self._response.stream
        assert isinstance(stream, httpx.AsyncByteStream)
        try:
            async for chunk in stream:
                yield chunk
        except httpx.TransportError as exc:
            raise ConnectionFailedError(f"The connection broke off ({type(exc).__name__}).") from None

    async def aclose(self) -> None:
        await self._response.aclose()
