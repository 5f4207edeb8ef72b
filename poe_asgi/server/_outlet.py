"""Where an answer leaves: the request's task, which sends, and waits while there is nothing to send."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from contextvars import copy_context
from typing import Any, TypeAlias

from ._stepping import Begun, begun, ended

Message: TypeAlias = MutableMapping[str, Any]
Send: TypeAlias = Callable[[Message], Awaitable[None]]


class Outlet:
    """Made by the task that sends. Others wake it, or, while it waits, send on its behalf."""

    __slots__ = ("_context", "_rest", "_send", "_task", "_waiter", "idle", "woken")

    def __init__(self, send: Send) -> None:
        self._send = send
        self._task = asyncio.current_task()
        self._context = copy_context()
        self._waiter: asyncio.Future[None] | None = None
        self._rest: Begun | None = None  # of a send that others began
        self.idle = False  # the task waits, and others may send
        self.woken = True  # something happened for the task to look at

    def send(self, chunk: bytes, *, more: bool) -> Awaitable[None]:
        """Send it. For the task itself."""
        return self._send({"type": "http.response.body", "body": chunk, "more_body": more})

    async def wait(self) -> None:
        """Wait to be woken. For the task itself, when it was not."""
        self._waiter = asyncio.get_running_loop().create_future()
        self.idle = self._task is not None
        thrown: BaseException | None = None
        try:
            await self._waiter
        except asyncio.CancelledError as exc:
            if self._rest is None:
                raise
            thrown = exc  # in the moment before this task woke: it is for the send
        finally:
            self.idle = False
        if self._rest is not None:
            rest, self._rest = self._rest, None
            await ended(rest, self._context, thrown)

    def wake(self) -> None:
        """There is something to look at."""
        self.woken = True
        self.idle = False
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def send_now(self, chunk: bytes, *, inside: asyncio.Task[Any]) -> None:
        """Send ``inside`` another task, in the name of this one while it is ``idle``.

        It is woken only when that is not all: to wait for the reader in its own time, or to have the error raised.
        """
        waiter, task = self._waiter, self._task
        assert waiter is not None
        assert task is not None
        try:
            # Not by `send`: one call less for each token.
            sending = self._send({"type": "http.response.body", "body": chunk, "more_body": True})
            self._rest = begun(sending, task, self._context, inside=inside)
        except Exception as exc:  # noqa: BLE001
            self.idle = False
            if not waiter.done():  # else the task is awake by now, and its own next send tells
                waiter.set_exception(exc)
        else:
            if self._rest is not None:
                self.wake()

    def cancel(self) -> None:
        """Stop the task's sending."""
        if self._task is not None:
            self._task.cancel()

    def close(self) -> None:
        """Nothing is sent any more."""
        self._task = None
