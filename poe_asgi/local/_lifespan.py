"""The lifespan of an ASGI app, run as a server runs it: in a task of its own, around the requests."""

from __future__ import annotations

import asyncio
from typing import Any

from ..errors import ConfigurationError
from ._asgi import AsgiApp

# What an app gets to return after it said that its shutdown is complete.
_RETURN_SECONDS = 5.0


class Lifespan:
    """An app with its lifespan. Like servers do, it goes on with one that does not know the lifespan protocol."""

    _task: asyncio.Task[None]

    def __init__(self, app: AsgiApp) -> None:
        self._app = app
        self._state: dict[str, Any] = {}
        self._to_app: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._from_app: asyncio.Queue[Any] = asyncio.Queue()
        self._error: Exception | None = None

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """The app, with what its lifespan put into the state."""
        scope["state"] = self._state.copy()
        await self._app(scope, receive, send)

    async def start(self) -> None:
        """Raises what the start-up raised, or `failure` when it only said that it failed."""
        self._task = asyncio.create_task(self._run())
        try:
            await self._phase("startup")
        except BaseException:
            await self._end(0)
            raise

    async def stop(self) -> None:
        """Raises what the shutdown raised, as `start`."""
        try:
            await self._phase("shutdown")
        finally:
            await self._end(_RETURN_SECONDS)

    def failure(self, phase: str, reason: str) -> Exception:
        """What is raised when the app says of its ``startup`` or ``shutdown`` that it failed."""
        return ConfigurationError(f"The app's {phase} failed. {reason}".rstrip())

    async def _phase(self, name: str) -> None:
        if self._task.done():
            return
        self._to_app.put_nowait({"type": f"lifespan.{name}"})
        answer = await self._from_app.get()
        if answer is not None and answer["type"] == f"lifespan.{name}.failed":
            await asyncio.wait([self._task], timeout=_RETURN_SECONDS)
            raise self._error or self.failure(name, answer.get("message", ""))

    async def _end(self, seconds: float) -> None:
        await asyncio.wait([self._task], timeout=seconds)
        if self._task.cancel():
            await asyncio.wait([self._task])

    async def _run(self) -> None:
        scope = {"type": "lifespan", "asgi": {"version": "3.0", "spec_version": "2.0"}, "state": self._state}
        try:
            await self._app(scope, self._to_app.get, self._from_app.put)
        except Exception as exc:  # noqa: BLE001
            self._error = exc
        finally:
            self._from_app.put_nowait(None)
