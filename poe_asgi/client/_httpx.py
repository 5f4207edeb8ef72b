"""The transport over a real network: one pool of httpx, of which nothing shows outside this module."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping

import httpx

from ..errors import ConnectionFailedError, ConnectTimeoutError, UnsafeUrlError
from ._addresses import public_addresses
from ._http import HttpRequest, HttpResponse
from ._refusal import check_url


class HttpxTransport:
    """A pool of connections, opened on first use. Redirects are not followed: they could carry a key elsewhere."""

    def __init__(self, *, connections: int = 200) -> None:
        # The transport is used, not the client: httpx logs URLs, and some of Poe's hold a key.
        self._pool = httpx.AsyncHTTPTransport(
            limits=httpx.Limits(max_connections=connections, max_keepalive_connections=connections // 4), retries=0
        )

    async def send(self, request: HttpRequest) -> HttpResponse:
        check_url(request.url)
        timeout = httpx.Timeout(request.read_seconds, connect=request.connect_seconds)
        try:
            outgoing = httpx.Request(
                request.method,
                request.url,
                headers=_encoded({"accept-encoding": "identity", **request.headers}),
                content=request.content,
                extensions={"timeout": timeout.as_dict()},
            )
        except (httpx.InvalidURL, UnicodeError):  # the latter for a host that is no name
            raise UnsafeUrlError("This is no URL that can be called.") from None
        if not request.public_only:
            return await self._send(outgoing, outgoing.url.host, request.connect_seconds)
        return await self._send_to_public(outgoing, request.connect_seconds)

    async def _send_to_public(self, outgoing: httpx.Request, connect_seconds: float) -> HttpResponse:
        url = outgoing.url
        addresses = await public_addresses(url.raw_host.decode(), url.port or (443 if url.scheme == "https" else 80))
        while True:
            # The address that was checked is the one to connect to: asked again, the name could have another. The
            # connection is not kept: its certificate is that of this name, and others may share the address.
            pinned = httpx.Request(
                outgoing.method,
                url.copy_with(host=addresses.pop(0)),
                headers={**outgoing.headers, "connection": "close"},
                stream=outgoing.stream,
                extensions={**outgoing.extensions, "sni_hostname": url.raw_host.decode()},
            )
            try:
                return await self._send(pinned, url.host, connect_seconds)
            except (ConnectTimeoutError, ConnectionFailedError):
                if not addresses:
                    raise

    async def _send(self, outgoing: httpx.Request, host: str, connect_seconds: float) -> HttpResponse:
        try:
            return _Response(await self._pool.handle_async_request(outgoing))
        except (httpx.ConnectTimeout, httpx.PoolTimeout):
            raise ConnectTimeoutError(f"No connection to {host} within {connect_seconds:g} s.") from None
        except httpx.TransportError as exc:
            raise ConnectionFailedError(f"The connection to {host} failed ({type(exc).__name__}).") from None

    async def aclose(self) -> None:
        await self._pool.aclose()


def _encoded(headers: Mapping[str, str]) -> dict[bytes, bytes]:
    """In the encoding of HTTP; httpx refuses what is not ASCII."""
    return {name.encode("ascii"): value.encode("latin-1") for name, value in headers.items()}


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
