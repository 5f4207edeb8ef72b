"""What `dev` says when the bot is up: what is on, where it is, and the way from here to Poe."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import click

from ..protocol import Settings

BODY = '{"type": "query", "query": [{"role": "user", "content": "Hello"}]}'
STAND_INS = "stand-ins (--live: the real ones; --model-url: a model of yours)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Greeting:
    """``made_key`` is one made for this run, the only one ever shown; else ``key_from`` says where the key is.

    ``others`` says who the other bots are.
    """

    target: str
    page_url: str
    bot_url: str
    made_key: str | None
    key_from: str
    bots: Sequence[Mapping[str, Any]]
    path: str
    others: str

    def text(self) -> str:
        """What is written, with colours."""
        lines = [f"  {click.style(f'{label:<11}', dim=True)} {text}" for label, text in self._rows()]
        lines += ["", "  Ask it from another terminal:", "", self.curl, "", "  When it is good, the way to Poe:", ""]
        way = self._way()
        width = max(len(command) for command, _ in way)
        lines += [f"  {command:<{width}}   {click.style(what, dim=True)}" for command, what in way]
        lines += ["", click.style("  Ctrl-C ends it.", dim=True)]
        return "\n".join(lines)

    @property
    def curl(self) -> str:
        """A line to paste, which shows no key but one that was made for this run."""
        key = self.made_key or "$POE_ACCESS_KEY"
        return f"curl -N {shlex.quote(self.bot_url)} -H \"Authorization: Bearer {key}\" -d '{BODY}'"

    def _rows(self) -> Iterator[tuple[str, str]]:
        here = next((each for each in self.bots if each["path"] == self.path), None)
        name = (here or {}).get("name")
        yield "Playground", click.style(self.page_url, fg="cyan", bold=True)
        yield "Bot", f"{self.bot_url}{f'   {name}' if name else ''}"
        rest = [str(each["path"]) for each in self.bots if each["path"] != self.path]
        if rest:
            yield "More bots", f"{', '.join(rest)}   (--path {rest[0]} opens that one)"
        yield "Key", f"{self.made_key}   made for this run" if self.made_key else f"that of {self.key_from}"
        yield "Settings", _settings(here)
        yield "Other bots", self.others
        yield "Reload", "when a Python file of yours changes, or .env"

    def _way(self) -> list[tuple[str, str]]:
        target = shlex.quote(self.target)
        return [
            (f"poe-asgi check {target}", "holds it against every rule"),
            (f"poe-asgi run {target}", "serves it, behind an https address"),
            (f"poe-asgi settings push {target}", "tells Poe its settings"),
        ]


def _settings(bot: Mapping[str, Any] | None) -> str:
    if bot is None:
        return "not to be seen from here"
    if bot["settings"] is None:
        return "dynamic, told by @bot.on_settings"
    settings = Settings.from_wire(bot["settings"])
    parts = []
    if settings.introduction_message:
        parts.append("introduction")
    if settings.parameter_controls is not None:
        parts.append("parameter controls")
    parts.append("attachments" if settings.allow_attachments else "no attachments")
    for called, calls in settings.server_bot_dependencies.items():
        parts.append(f"calls {called}" if calls == 1 else f"calls {called} ({calls} times)")
    return ", ".join(parts)
