"""`running`: the resources of bots, opened once per event loop and shared."""

from __future__ import annotations

import asyncio
import logging
import sys
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from weakref import WeakKeyDictionary

from ..errors import ConfigurationError
from . import _signals
from ._bot import Bot

log = logging.getLogger("poe_asgi.server")

Lifespan = Callable[[], AbstractAsyncContextManager[Any]]


@dataclass(slots=True)
class _Resource:
    """An open lifespan. A task of its own enters and leaves it: cancel scopes must be left where they were entered."""

    value: asyncio.Future[Any]
    leave: asyncio.Event = field(default_factory=asyncio.Event)
    task: asyncio.Task[None] | None = None
    users: int = 0

    @property
    def is_open(self) -> bool:
        return self.value.done() and not self.value.cancelled() and self.value.exception() is None


_open: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[Lifespan, _Resource]] = WeakKeyDictionary()
_users: WeakKeyDictionary[asyncio.AbstractEventLoop, int] = WeakKeyDictionary()
_closers: WeakKeyDictionary[asyncio.AbstractEventLoop, list[Callable[[], Awaitable[None]]]] = WeakKeyDictionary()
_lock = threading.Lock()


def _resources() -> dict[Lifespan, _Resource]:
    with _lock:
        return _open.setdefault(asyncio.get_running_loop(), {})


def deps_of(bot: Bot) -> Any:
    """What the bot's lifespan gave on this loop; None without one. Raises ConfigurationError when it was not run."""
    if bot.lifespan is None:
        return None
    resource = _resources().get(bot.lifespan)
    if resource is None or not resource.is_open:
        raise ConfigurationError(
            f"The lifespan of {bot!r} was not run: serve it with create_app, "
            "or put `async with running(bot):` into the lifespan of the app it is mounted in."
        )
    return resource.value.result()


def when_bots_stop(close: Callable[[], Awaitable[None]]) -> None:
    """Have this awaited once, when the last of the bots on the running loop stops."""
    with _lock:
        _closers.setdefault(asyncio.get_running_loop(), []).append(close)


@asynccontextmanager
async def running(*bots: Bot) -> AsyncIterator[None]:
    """Run the lifespans of these bots, and let them end their answers properly when the server is stopped.

    For the lifespan of an app that mounts bots; `create_app` does it by itself. Counted per event loop: the first to
    enter opens, the last to leave closes, and bots with the same lifespan function share one value.
    """
    async with AsyncExitStack() as stack:
        stack.enter_context(_signals.watched())
        await stack.enter_async_context(_connections())
        for bot in bots:
            if bot.lifespan is not None:
                await stack.enter_async_context(_using(bot.lifespan))
        try:
            yield
        finally:
            await _answers_ended()


async def _answers_ended() -> None:
    """When the last on this loop leaves, what still runs is ended, while resources are open and the server listens.

    Servers that cancel their requests when they have waited long enough do not wait for what these still have to send,
    but for this. One may also cancel this; then it does not want to wait.
    """
    if _users[asyncio.get_running_loop()] == 1:
        await asyncio.gather(*(site.end_here() for site in list(_signals.sites)))


@asynccontextmanager
async def _connections() -> AsyncIterator[None]:
    """When the last on this loop leaves, connections are closed: those of the bots' clients, and of the rates."""
    loop = asyncio.get_running_loop()
    _users[loop] = _users.get(loop, 0) + 1
    try:
        yield
    finally:
        _users[loop] -= 1
        if not _users[loop]:
            for close in _closers.pop(loop, ()):
                try:
                    await close()
                except Exception:
                    log.exception("closing what the bots shared failed")
            if "poe_asgi.client" in sys.modules:  # else nobody was called
                from ..client import close_pool

                await close_pool()


@asynccontextmanager
async def _using(lifespan: Lifespan) -> AsyncIterator[None]:
    resources = _resources()
    resource = resources.get(lifespan)
    if resource is None:
        loop = asyncio.get_running_loop()
        resource = resources[lifespan] = _Resource(loop.create_future())
        resource.task = loop.create_task(_own(lifespan, resource))
    resource.users += 1
    try:
        await asyncio.shield(resource.value)
        yield
    finally:
        resource.users -= 1
        if not resource.users:
            resources.pop(lifespan, None)
            resource.leave.set()
            if resource.task is not None:
                if not resource.value.done():  # this enterer was cancelled, and nobody else waits
                    resource.task.cancel()
                await resource.task


async def _own(lifespan: Lifespan, resource: _Resource) -> None:
    try:
        async with lifespan() as value:
            resource.value.set_result(value)
            await resource.leave.wait()
    except BaseException as exc:
        if resource.value.done():
            raise
        if isinstance(exc, asyncio.CancelledError):
            resource.value.cancel()
        else:
            resource.value.set_exception(exc)
