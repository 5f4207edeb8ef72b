"""A client as an async context manager: it has a pool of its own, unless it was given one or its calls go elsewhere."""

from __future__ import annotations

from dataclasses import replace
from types import TracebackType
from typing import Self

from ._connection import Connection, open_pool
from ._http import Transport


class OwnPool:
    """What calls through a `Connection`."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self._pool: Transport | None = None

    async def __aenter__(self) -> Self:
        if self.connection.own_transport is None and self.connection.transport_elsewhere() is None:
            self._pool = open_pool()
            self.connection = replace(self.connection, own_transport=self._pool)
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._pool is not None:
            self.connection = replace(self.connection, own_transport=None)
            await self._pool.aclose()
            self._pool = None
