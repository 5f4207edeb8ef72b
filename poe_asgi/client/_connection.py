"""Where calls go, with which key, and over what: looked up when a call is made, not before.

What a client was given comes first, then what a test kit or a development server set, in the context or for the whole
process, then the variable POE_BASE_URL, then Poe itself.
"""

from __future__ import annotations

import asyncio
import os
import threading
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from urllib.parse import quote
from weakref import WeakKeyDictionary

from ..errors import ConfigurationError
from ._declared import Declared
from ._http import HttpRequest, HttpResponse, Transport
from ._retry import Retry

API = "https://api.poe.com"
UPLOAD = "https://www.quora.com/poe_api"


@dataclass(frozen=True, slots=True)
class Upstream:
    """Another place to call than Poe: a base URL for all of its surfaces, and a transport of one's own."""

    base_url: str | None = None
    transport: Transport | None = field(default=None, repr=False)


upstream: ContextVar[Upstream | None] = ContextVar("poe_asgi_upstream", default=None)
_everywhere: list[Upstream] = []


@contextmanager
def upstream_everywhere(elsewhere: Upstream) -> Iterator[None]:
    """Inside, the whole process calls there, where nothing else is set in the context.

    A context variable does not reach tasks that were there before it was set, and async test plugins keep some.
    """
    _everywhere.append(elsewhere)
    try:
        yield
    finally:
        _everywhere.remove(elsewhere)


def current_upstream() -> Upstream | None:
    """Where calls go if not to Poe: as the context says, else as the process does."""
    return upstream.get() or (_everywhere[-1] if _everywhere else None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeouts:
    """Seconds a call may take: to ``connect``, to its ``first_event``, between two events (``idle``), in ``total``."""

    connect: float = 10
    first_event: float = 60
    idle: float = 300
    total: float = 3600


@dataclass(frozen=True, slots=True, kw_only=True)
class Connection:
    """How one client reaches Poe."""

    api_key: str | None = field(default=None, repr=False)
    of_query: bool = False  # the key authenticated a query to a bot
    base_url: str | None = None
    v1_base: str | None = None  # of another OpenAI-compatible API than Poe's
    own_transport: Transport | None = field(default=None, repr=False)
    timeouts: Timeouts = field(default_factory=Timeouts)
    retry: Retry = field(default_factory=Retry)
    declared: Declared | None = None  # of the bot whose query this is
    made: Counter[str] = field(default_factory=Counter)  # calls for that query
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)  # more of them, for every request

    def count(self, name: str) -> None:
        """Note a call of this bot; inside a bot, warn of one that Poe will refuse."""
        if self.declared is not None:
            self.declared.check(name, self.made)

    def key(self) -> str:
        """The key to sign with. Raises ConfigurationError when there is none, or one that cannot be sent."""
        key = (self.api_key or os.environ.get("POE_API_KEY") or "").strip()  # files end in a line break
        if not key:
            other = "give the bot an access key" if self.of_query else "pass api_key="
            raise ConfigurationError(f"There is no key to call Poe with: {other}, or set POE_API_KEY.")
        if not (key.isascii() and key.isprintable()):
            raise ConfigurationError("The key to call Poe with has characters that no key has: copy it once more.")
        return key

    def transport(self) -> Transport:
        """What carries the calls: an own transport, one that leads elsewhere than to Poe, or this event loop's pool."""
        transport = self.own_transport or self.transport_elsewhere() or pool()
        return _WithHeaders(transport, self.headers) if self.headers else transport

    def transport_elsewhere(self) -> Transport | None:
        """The transport that was set in the context or for the process; not for a client with a base URL of its own."""
        here = current_upstream() if self.base_url is None and self.v1_base is None else None
        return here.transport if here is not None else None

    def _base(self, default: str) -> str:
        here = current_upstream()
        base = self.base_url or (here.base_url if here is not None else None) or os.environ.get("POE_BASE_URL")
        return (base or default).rstrip("/")

    # ---- Poe's surfaces

    def bot_url(self, name: str) -> str:
        return f"{self._base(API)}/bot/{_segment(name)}"

    def settings_url(self, verb: str, name: str, access_key: str) -> str:
        from ..protocol import PROTOCOL_VERSION  # with all that reads requests, which few callers need

        return f"{self._base(API)}/bot/{verb}_settings/{_segment(name)}/{_segment(access_key)}/{PROTOCOL_VERSION}"

    def cost_url(self, bot_query_id: str, verb: str) -> str:
        return f"{self._base(API)}/bot/cost/{_segment(bot_query_id)}/{verb}"

    def upload_url(self) -> str:
        base = self._base("")
        return f"{f'{base}/poe_api' if base else UPLOAD}/file_upload_3RD_PARTY_POST"

    def api_url(self, path: str) -> str:
        """``path`` as in ``/usage/current_balance``."""
        return self._base(API) + path

    def v1_url(self, path: str) -> str:
        """The OpenAI-compatible API; ``path`` as in ``/models``."""
        return (self.v1_base or f"{self._base(API)}/v1").rstrip("/") + path


class _WithHeaders:
    """A transport that sends more headers; those of a request itself win."""

    def __init__(self, transport: Transport, headers: Mapping[str, str]) -> None:
        self._transport = transport
        self._headers = headers

    async def send(self, request: HttpRequest) -> HttpResponse:
        return await self._transport.send(replace(request, headers={**self._headers, **request.headers}))

    async def aclose(self) -> None:
        await self._transport.aclose()


def _segment(text: str) -> str:
    """One segment of a path, whatever the text is: it cannot lead to another place."""
    if text in {".", ".."}:
        raise ConfigurationError(f"{text!r} is no name that can be called.")
    return quote(text, safe="", errors="replace")


_pools: WeakKeyDictionary[asyncio.AbstractEventLoop, Transport] = WeakKeyDictionary()
_lock = threading.Lock()


def pool() -> Transport:
    """The pool of the running event loop, shared by all clients that have none of their own."""
    loop = asyncio.get_running_loop()
    with _lock:
        if loop not in _pools:
            _pools[loop] = open_pool()
        return _pools[loop]


def open_pool() -> Transport:
    """A new pool of connections to the network, for the caller to close."""
    from ._httpx import HttpxTransport  # httpx is loaded when it is needed

    return HttpxTransport()


async def close_pool() -> None:
    """Close the running event loop's pool, if there is one."""
    with _lock:
        transport = _pools.pop(asyncio.get_running_loop(), None)
    if transport is not None:
        await transport.aclose()
