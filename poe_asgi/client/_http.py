"""The client's view of HTTP: a request, a response that streams, and what carries the one to the other.

Any `Transport` will do: the one over a real network, or one that calls an ASGI app in the same process.
"""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpRequest:
    """``content`` is the body; an iterable is sent as it comes. Its repr leaves out what may hold a key.

    ``public_only`` is for URLs that others wrote: a transport over a network resolves the host, raises UnsafeUrlError
    when one of its addresses is not public, and connects to an address it has checked.
    """

    method: str
    url: str = field(repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    content: bytes | AsyncIterable[bytes] = field(default=b"", repr=False)
    connect_seconds: float = 10
    read_seconds: float | None = None
    public_only: bool = False


class HttpResponse(Protocol):
    """An answer whose headers have come. Header names are in lower case."""

    @property
    def status(self) -> int: ...

    @property
    def headers(self) -> Mapping[str, str]: ...

    def chunks(self) -> AsyncIterator[bytes]:
        """The body as it comes. Raises ConnectionFailedError when it breaks off."""
        ...

    async def aclose(self) -> None: ...


class Transport(Protocol):
    """Carries requests. Bounded in how many connections it holds; safe to share on one event loop."""

    async def send(self, request: HttpRequest) -> HttpResponse:
        """The response, as soon as its headers are there.

        Raises ConnectTimeoutError and ConnectionFailedError.
        """
        ...

    async def aclose(self) -> None: ...


async def read_bounded(response: HttpResponse, limit: int) -> bytes:
    """The body, no more than ``limit`` bytes of it."""
    body = bytearray()
    async for chunk in response.chunks():
        body += chunk
        if len(body) >= limit:
            break
    return bytes(body[:limit])
