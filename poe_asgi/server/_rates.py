"""Rates, counted by the package `limits` in memory or in a Redis: the one module that imports either.

A storage may be slow or gone. So every look at it has an end, a failure is no exception here, and is logged once a
while.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from .._clock import current_clock, until
from ..errors import ConfigurationError
from ._admission import Admission

if TYPE_CHECKING:
    from limits import RateLimitItem
    from limits.aio.strategies import RateLimiter
    from redis.asyncio import BlockingConnectionPool

log = logging.getLogger("poe_asgi.server")

_STORAGES = "Admission: storage is 'memory://' or the URL of a Redis, 'redis://host:6379/0'."
_REDIS = ("redis", "rediss", "unix")
_CONNECTIONS = 32  # to Redis, for one event loop; whoever finds none free waits for one
_SILENCE = 60  # seconds between two lines in the log about a storage that is gone


class Rates:
    """The rates of one app, known to be well-formed. Raises ConfigurationError, also when a package is missing."""

    def __init__(self, admission: Admission) -> None:
        self.admission = admission
        self.per_user = _parsed(admission.rate_per_user, "rate_per_user")
        self.per_bot = _parsed(admission.rate_per_bot, "rate_per_bot")
        self.scheme = admission.storage.partition(":")[0] if isinstance(admission.storage, str) else ""
        if self.scheme not in {"memory", *_REDIS}:
            raise ConfigurationError(_STORAGES)
        if self.scheme in _REDIS:
            _check_redis(admission.storage)


class Counts:
    """What one event loop knows of the rates: a storage, with connections of its own."""

    def __init__(self, rates: Rates) -> None:
        self._rates = rates
        self._admission = rates.admission
        self._pool: BlockingConnectionPool | None = None
        self._limiter = self._open()
        self._silent_until = 0.0

    async def exceeded(self, *, user: str, bot: str) -> str | None:
        """Which limit this query is above: ``rate_per_user``, ``rate_per_bot``, ``storage``; None lets it in."""
        clock = current_clock()
        try:
            return await until(clock.time() + self._admission.storage_seconds, self._count(user, bot))
        except Exception as exc:  # noqa: BLE001
            if clock.time() >= self._silent_until:
                self._silent_until = clock.time() + _SILENCE
                closed = self._admission.without_storage == "closed"
                log.error(  # noqa: TRY400
                    "The storage of the rates gives no answer (%s): until it does, %s. Said once in %d s.",
                    type(exc).__name__,
                    "no query is let in" if closed else "rates are not held",
                    _SILENCE,
                )
        return "storage" if self._admission.without_storage == "closed" else None

    async def aclose(self) -> None:
        """Give the connections back."""
        if self._pool is not None:
            await self._pool.disconnect()

    async def _count(self, user: str, bot: str) -> str | None:
        if user and await self._is_above(self._rates.per_user, "user", user):
            return "rate_per_user"
        if await self._is_above(self._rates.per_bot, "bot", bot):
            return "rate_per_bot"
        return None

    async def _is_above(self, rates: Iterable[RateLimitItem], what: str, name: str) -> bool:
        for rate in rates:
            if not await self._limiter.hit(rate, self._admission.namespace, what, _key(name)):
                return True
        return False

    def _open(self) -> RateLimiter:
        from limits.aio.strategies import SlidingWindowCounterRateLimiter
        from limits.storage import storage_from_string

        if self._rates.scheme == "memory":
            return SlidingWindowCounterRateLimiter(storage_from_string("async+memory://"))
        from redis.asyncio import BlockingConnectionPool

        seconds = self._admission.storage_seconds
        options: dict[str, Any] = {"socket_timeout": seconds, "socket_connect_timeout": seconds}
        self._pool = BlockingConnectionPool.from_url(
            self._admission.storage, max_connections=_CONNECTIONS, timeout=seconds, **options
        )
        options = {"implementation": "redispy", "connection_pool": self._pool}
        return SlidingWindowCounterRateLimiter(storage_from_string("async+redis://", **options))


def _parsed(rates: str | None, name: str) -> list[RateLimitItem]:
    if rates is None:
        return []
    try:
        from limits import parse_many
    except ImportError:
        raise _missing("limits") from None
    try:
        parsed = parse_many(rates)
    except (ValueError, TypeError):
        parsed = []
    if not parsed or not all(rate.amount for rate in parsed):
        raise ConfigurationError(f"Admission: {name} is like '20/minute' or '20/minute; 200/day', not {rates!r}.")
    # The shortest first: what it refuses is not counted by the longer ones, or a hasty minute would cost the day.
    return sorted(parsed, key=lambda rate: rate.get_expiry())


def _check_redis(url: str) -> None:
    """Make a connection that is not opened: what is wrong with the URL is known before the first query."""
    try:
        from redis.asyncio import ConnectionPool
    except ImportError:
        raise _missing("redis") from None
    try:
        pool = ConnectionPool.from_url(url)
        pool.connection_class(**pool.connection_kwargs)
    except (ValueError, TypeError):
        raise ConfigurationError(_STORAGES) from None  # the error may hold the password


def _missing(package: str) -> ConfigurationError:
    return ConfigurationError(f"Admission with rates needs the package {package}: pip install 'poe-asgi[limits]'.")


def _key(name: str) -> str:
    """A name as part of a key: names come from outside, and may be of any length."""
    return sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:32]
