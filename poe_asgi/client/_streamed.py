"""One answer that streams: its bytes, with every wait bounded by the timeouts of the connection."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import suppress
from typing import Self

from .._clock import current_clock, until
from ..errors import (
    ConnectionFailedError,
    FirstEventTimeoutError,
    IdleTimeoutError,
    TotalTimeoutError,
    TruncatedStreamError,
    UpstreamError,
)
from ._connection import Connection, Timeouts
from ._failures import BODY_BYTES, failure
from ._http import HttpRequest, HttpResponse, read_bounded

# What is read after the end mark to save the connection, at most.
_LAST_CHUNKS, _LAST_SECONDS = 10, 0.05


class StreamedAnswer:
    """An answer with status 200 whose body comes. ``started`` is when it was asked for, on the current clock."""

    def __init__(self, response: HttpResponse, what: str, timeouts: Timeouts, *, started: float) -> None:
        self.started = started
        self._response = response
        self._chunks = response.chunks()
        self._what = what
        self._timeouts = timeouts
        self._clock = current_clock()
        self._total_at = started + timeouts.total
        self._next_at = started + timeouts.first_event
        self._heard = False

    @classmethod
    async def open(cls, connection: Connection, request: HttpRequest, what: str) -> Self:
        """Send the request, which ``what`` describes in errors.

        Raises FirstEventTimeoutError, the error for a status that is not 200, and what the transport raises.
        """
        timeouts = connection.timeouts
        started = current_clock().time()
        first_at = min(started + timeouts.first_event, started + timeouts.total)
        try:
            response = await until(first_at, connection.transport().send(request))
        except TimeoutError:
            raise FirstEventTimeoutError(f"{what}: no answer within {timeouts.first_event:g} s.") from None
        answer = cls(response, what, timeouts, started=started)
        if response.status != 200:
            key = request.headers.get("authorization", "").removeprefix("Bearer ")
            try:
                body = await answer.body(BODY_BYTES)
                raise failure(what, response.status, response.headers, body, secret=key)
            finally:
                await answer.aclose()
        return answer

    @property
    def content_type(self) -> str:
        """The media type alone, in lower case."""
        return self._response.headers.get("content-type", "").partition(";")[0].strip().lower()

    async def chunk(self) -> bytes | None:
        """The next bytes; None at the end. Raises the timeout that struck, or TruncatedStreamError."""
        try:
            return await until(min(self._next_at, self._total_at), anext(self._chunks))
        except StopAsyncIteration:
            return None
        except TimeoutError:
            raise self._too_slow() from None
        except ConnectionFailedError as exc:
            raise TruncatedStreamError(f"{self._what}: {exc}") from exc.__cause__

    def heard(self) -> None:
        """Something came that counts as life: pings do not. To be called before the next wait, not before."""
        self._heard = True
        self._next_at = self._clock.time() + self._timeouts.idle

    async def body(self, limit: int) -> bytes:
        """The body of an answer that is no stream, or what came of it in time; ``limit`` bytes at most."""
        try:
            return await until(min(self._next_at, self._total_at), read_bounded(self._response, limit))
        except TimeoutError:
            return b""

    async def read_out(self) -> None:
        """Read what follows the end mark, the end of the body mostly: only then can the connection be used again."""
        until_ = self._clock.time() + _LAST_SECONDS
        with suppress(TimeoutError, StopAsyncIteration, ConnectionFailedError):
            for _ in range(_LAST_CHUNKS):
                await until(until_, anext(self._chunks))

    async def aclose(self) -> None:
        try:
            if isinstance(self._chunks, AsyncGenerator):
                await self._chunks.aclose()
        finally:
            await self._response.aclose()

    def _too_slow(self) -> UpstreamError:
        what, timeouts = self._what, self._timeouts
        if self._clock.time() >= self._total_at:
            return TotalTimeoutError(f"{what}: the answer took longer than {timeouts.total:g} s.")
        if not self._heard:
            return FirstEventTimeoutError(f"{what}: no event within {timeouts.first_event:g} s.")
        return IdleTimeoutError(f"{what}: no event for {timeouts.idle:g} s.")
