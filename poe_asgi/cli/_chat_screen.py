"""How answers are shown in a terminal: Markdown that grows, or the events as they come."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import fields
from typing import Any

from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.live import Live
from rich.markdown import Markdown
from rich.segment import Segment
from rich.text import Text

from ..protocol import Reply, StreamEvent
from ._dev_lines import duration
from ._observed import kind_of
from ._server_bot import Asked

_FRAMES = 12  # a second


class Screen:
    """``raw`` shows events instead of Markdown."""

    def __init__(self, console: Console, *, raw: bool = False) -> None:
        self.console = console
        self.raw = raw

    async def show(self, asked: Asked) -> None:
        """The answer while it comes, then the rest of it. What was shown stays, if it is cut short."""
        try:
            if self.raw:
                async for event in asked.events():
                    self.console.print(_line(event, asked.seconds), highlight=False, soft_wrap=True)
            else:
                await self._grow(asked)
        finally:
            self._rest(asked.reply)

    async def _grow(self, asked: Asked) -> None:
        tail = _Tail()
        try:
            with Live(tail, console=self.console, refresh_per_second=_FRAMES, transient=True):
                async for _ in asked.events():
                    tail.body = self._body(asked.reply)
        finally:
            if asked.reply.text:
                self.console.print(self._body(asked.reply))

    def _body(self, reply: Reply) -> RenderableType:
        if reply.meta is not None and reply.meta.content_type == "text/plain":
            return Text(reply.text)
        return Markdown(reply.text)

    def _rest(self, reply: Reply) -> None:
        for file in reply.files:
            self.console.print(Text(f"  {file.name}  {file.content_type}  {file.url}", style="cyan"), soft_wrap=True)
        for number, suggestion in enumerate(reply.suggested_replies, 1):
            self.console.print(Text.assemble("  ", (f"/{number}", "bold cyan"), f"  {suggestion}"))
        if reply.error is not None:
            self.console.print(Text(f"  {reply.error.text or 'The bot ended its answer with an error.'}", style="red"))
        for violation in reply.violations:
            self.console.print(
                Text(f"  {violation.rule.level}: {violation.rule.id}: {violation.detail}", style="yellow")
            )
        first = f"first {duration(reply.first_event_seconds)}, " if reply.first_event_seconds is not None else ""
        self.console.print(Text(f"  {first}all {duration(reply.seconds)}", style="dim"))


class _Tail:
    """As much of the end of an answer as fits on the screen, while it grows."""

    def __init__(self) -> None:
        self.body: RenderableType = Text("…", style="dim")

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        lines = console.render_lines(self.body, options, pad=False)
        for line in lines[-max(1, console.size.height - 2) :]:
            yield from line
            yield Segment.line()


def _line(event: StreamEvent, seconds: float) -> Text:
    members = json.dumps(dict(_members(event)), ensure_ascii=False)
    return Text.assemble((f"{duration(seconds):>8}  ", "dim"), (f"{kind_of(event):<16} ", "bold"), members)


def _members(event: Any) -> Iterator[tuple[str, Any]]:
    for each in fields(event):
        value = getattr(event, each.name)
        if value is not None:
            yield each.name, value
