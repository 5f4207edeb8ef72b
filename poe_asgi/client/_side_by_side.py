"""Several streams in one answer, each at its own pace.

Both ways give something a handler yields, and both read all streams at once, in tasks of their own that are cancelled
and awaited when the handler is closed. A stream that fails says so in its place; only when all fail is the first error
raised. Files and suggested replies of every stream go through; data does not, for it belongs to the bots called.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, AsyncIterable, Mapping
from contextlib import aclosing
from typing import Any

from .._clock import current_clock, until
from ..errors import ConfigurationError, UpstreamError
from ..protocol import Event, File, ReplaceResponse, SuggestedReply, Text

log = logging.getLogger("poe_asgi.client")

# Seconds between two whole replacements: each sends all text again.
_REDRAW_SECONDS = 2.0


class _Section:
    """What one stream has said so far."""

    def __init__(self, title: str, source: AsyncIterable[Any]) -> None:
        self.title = title
        self.text = ""
        self.shown = 0  # characters of the text that have gone out
        self.replaced = False  # since the text was last shown
        self.extras: list[File | SuggestedReply] = []
        self.error: Exception | None = None
        self.done = False
        self._source = source

    @property
    def heading(self) -> str:
        return f"**{self.title}**\n\n"

    @property
    def body(self) -> str:
        if self.error is None:
            return self.text
        note = f"*{self.title} gave no answer.*"
        return f"{self.text}\n\n{note}" if self.text else note

    async def read(self, changed: asyncio.Event) -> None:
        try:
            source: Any = aiter(self._source)
            async with aclosing(source) if hasattr(source, "aclose") else _Nothing():
                async for event in source:
                    self._take(event)
                    changed.set()
        except Exception as exc:
            self.error = exc
            log.warning("the stream %r failed", self.title, exc_info=not isinstance(exc, UpstreamError))
        finally:
            self.done = True
            changed.set()

    def _take(self, event: object) -> None:
        match event:
            case str(text) | Text(text):
                self.text += text
            case ReplaceResponse(text):
                self.text, self.replaced = text, True
            case File() | SuggestedReply():
                self.extras.append(event)


async def side_by_side(streams: Mapping[str, AsyncIterable[Any]]) -> AsyncGenerator[Event, None]:
    """The streams one below the other, by title: one live, the others as soon as it is their turn.

    The first is shown as it comes. When it has ended those that have ended too follow whole, in that order, then the
    next one goes on live. Every character is sent once.
    """
    sections = _sections(streams)
    changed = asyncio.Event()
    tasks = [asyncio.create_task(section.read(changed)) for section in sections]
    before = ""  # what stands above the live section
    try:
        waiting = list(sections)
        while waiting:
            live = next((section for section in waiting if section.done), waiting[0])
            waiting.remove(live)
            opening = ("\n\n" if before else "") + live.heading
            yield Text(opening)
            before += opening
            while True:
                changed.clear()
                if live.replaced:
                    live.replaced, live.shown = False, len(live.text)
                    yield ReplaceResponse(before + live.text)
                elif len(live.text) > live.shown:
                    new, live.shown = live.text[live.shown :], len(live.text)
                    yield Text(new)
                elif live.done:
                    break
                else:
                    await changed.wait()
            ending = live.body[len(live.text) :]
            if ending:
                yield Text(ending)
            before += live.body
            for extra in live.extras:
                yield extra
        _raise_if_all_failed(sections)
    finally:
        await _end(tasks)


async def in_sections(streams: Mapping[str, AsyncIterable[Any]]) -> AsyncGenerator[Event, None]:
    """The streams one below the other, by title, all growing together.

    The whole text is shown anew at most every two seconds, so this costs more to send than `side_by_side`.
    """
    sections = _sections(streams)
    changed = asyncio.Event()
    tasks = [asyncio.create_task(section.read(changed)) for section in sections]
    clock = current_clock()
    shown = ""
    try:
        while True:
            running = [task for task in tasks if not task.done()]
            text = "\n\n".join(section.heading + section.body for section in sections)
            if text != shown:
                shown = text
                yield ReplaceResponse(text)
            if not running:
                break
            again = clock.time() + _REDRAW_SECONDS
            try:
                await until(again, asyncio.wait(running))
            except TimeoutError:
                continue
        for section in sections:
            for extra in section.extras:
                yield extra
        _raise_if_all_failed(sections)
    finally:
        await _end(tasks)


def _sections(streams: Mapping[str, AsyncIterable[Any]]) -> list[_Section]:
    if not streams:
        raise ConfigurationError("There is no stream to show.")
    return [_Section(title, source) for title, source in streams.items()]


def _raise_if_all_failed(sections: list[_Section]) -> None:
    errors = [section.error for section in sections if section.error is not None]
    if len(errors) == len(sections):
        raise errors[0]


async def _end(tasks: list[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)


class _Nothing:
    async def __aenter__(self) -> None: ...

    async def __aexit__(self, *exc: object) -> None: ...
