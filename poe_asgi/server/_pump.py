"""The handler's side of an answer: one task that runs the generator and its delegates, and feeds the writer.

A delegate is an async iterable that a handler yielded. It runs here, inside the handler's `yield`: what it raises is
raised there, and it is closed before the handler goes on. A cancellation that comes while the pump waits for room is
raised at the `yield` too, so an `asyncio.timeout` of the handler's own around it stays its own.
"""

from __future__ import annotations

import asyncio
import inspect
import logging
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Callable
from typing import Any, NoReturn

from ..errors import LimitError
from ..protocol import Data, Event, Item, Json, Meta, ReplaceResponse, ResponseWriter, Text

log = logging.getLogger("poe_asgi.server")

# Yields taken in before the handler waits for the reader. It counts yields, not what is left after merging.
ROOM = 256

# A generator may yield while it is being closed; each such yield is refused, but not for ever.
_REFUSALS = 100


class Stopped(Exception):  # noqa: N818
    """The answer has ended; unwinds the delegates and closes them on the way. Never raised inside a handler."""


class WrongYieldError(TypeError):
    """A handler yielded something that is no part of an answer."""


class Pump:
    """``end`` is called when a limit is reached."""

    __slots__ = ("_end", "_room", "_writer", "stopped", "takes_meta", "yields")

    def __init__(self, writer: ResponseWriter, *, end: Callable[[LimitError], None], takes_meta: bool = False) -> None:
        self._writer = writer
        self._end = end
        self.yields = 0  # since the writer was last emptied
        self._room: asyncio.Future[None] | None = None
        self.stopped = False
        self.takes_meta = takes_meta  # the handler may yield one; too late, it is a ResponseError there

    def taken(self) -> None:
        """The writer was emptied: there is room again."""
        self.yields = 0
        if self._room is not None and not self._room.done():
            self._room.set_result(None)

    async def follow(self, source: AsyncIterator[Item | Json], mark: int | None = None) -> None:
        """Follow a handler to its end. Raises what it raises, WrongYieldError, or Stopped.

        A delegate is followed the same way; ``mark`` is how many visible characters stood before it.
        """
        thrown: BaseException | None = None
        try:
            while True:
                try:
                    item = await (anext(source) if thrown is None else _throw(source, thrown))
                except StopAsyncIteration:
                    return
                thrown = None
                if self.stopped:
                    await _close(item)
                    raise Stopped
                try:
                    if type(item) is str:
                        try:
                            self._writer.text(item)
                        except LimitError as exc:
                            self._stop_at(exc)
                    elif isinstance(item, AsyncIterable):
                        await self.follow(aiter(item), self._writer.visible)
                    else:
                        self._send(item, mark)
                    self.yields += 1
                    if self.yields >= ROOM:
                        await self._wait_for_room()
                except (Stopped, WrongYieldError):
                    raise
                except BaseException as exc:  # noqa: BLE001
                    thrown = exc
        finally:
            await _close(source)

    def close(self) -> None:
        """Let go of the driver, which holds this pump."""
        self._end = _ignore

    def _send(self, item: object, mark: int | None) -> None:
        if isinstance(item, str):  # of a subclass
            item = Text(item)
        if mark is not None and isinstance(item, Data):
            return  # it belongs to the bot that was called
        if mark is not None and isinstance(item, Json):
            self._writer.json(item.data)
            return
        if isinstance(item, Meta) and self.takes_meta:
            self._writer.open(item)
            return
        if not isinstance(item, Event):
            raise WrongYieldError(_explain(item))
        try:
            if isinstance(item, ReplaceResponse) and mark:
                self._writer.replace(self._writer.visible_text(mark) + item.text)
            else:
                self._writer.send(item)
        except LimitError as exc:
            self._stop_at(exc)

    def _stop_at(self, limit: LimitError) -> NoReturn:
        """What still fits goes out, and the answer ends here; a handler cannot catch that."""
        self._writer.text(limit.fits)
        self._end(limit)
        raise Stopped from limit

    async def _wait_for_room(self) -> None:
        self._room = asyncio.get_running_loop().create_future()
        await self._room


def _ignore(*_: object) -> None:
    pass


async def _throw(source: AsyncIterator[Item | Json], exc: BaseException) -> Item | Json:
    if not isinstance(source, AsyncGenerator):
        raise exc
    item: Item | Json = await source.athrow(exc)
    return item


async def _close(source: object) -> None:
    """Close a generator in the task that ran it. An exception here is the handler's affair: it is logged."""
    try:
        if inspect.isasyncgen(source):
            for _ in range(_REFUSALS):
                if source.ag_frame is None:
                    return
                await source.athrow(GeneratorExit())
            log.error("%r goes on yielding while it is being closed", source)
        else:
            aclose = getattr(source, "aclose", None)
            if aclose is not None:
                await aclose()
    except (GeneratorExit, StopAsyncIteration):
        pass
    except Exception:
        log.exception("closing %r failed", source)


def _explain(item: Any) -> str:
    """What is wrong with a yielded value, and what to write instead."""
    if inspect.iscoroutine(item):
        item.close()  # or Python would complain that it was never awaited
        return f"the coroutine {item.__qualname__}() was yielded; write `yield await {item.__name__}(…)`"
    if inspect.isasyncgenfunction(item):
        return f"the function {item.__qualname__} was yielded; call it: `yield {item.__name__}(…)`"
    name = type(item).__name__
    hints = {
        "Meta": "meta is declared: `Bot(meta=Meta(…))`",
        "Done": "the server ends the answer when the handler returns",
        "ErrorEvent": "raise an AnswerError instead",
        "NoneType": 'an empty answer is `yield ""`',
        "bytes": "decode it",
        "ChatDelta": "write `yield model.stream(…).answer()`",
    }
    if isinstance(item, BaseException):
        hint = "errors are raised, not yielded"
    elif isinstance(item, (list, tuple)) or inspect.isgenerator(item):
        hint = "yield its parts one by one"
    else:
        hint = hints.get(name, "yield a str, an event, or an async iterable of them")
    return f"a value of type {name} was yielded; {hint}"
