"""A bot of this machine for commands that take a target as well as a URL: served beside a local Poe, and gone after."""

from __future__ import annotations

import os
import secrets
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import click

from ..local import FakePoe
from ._env import environment_of
from ._loopback import listen, served, url_of
from ._process import BotProcess
from ._target import Target

_STDERR = 2  # the output of these commands is what the bot answers, not what its author prints


@dataclass(frozen=True, slots=True)
class LocalBot:
    """Where it answers, its key, and where its files can be uploaded to."""

    url: str
    key: str = field(repr=False)
    poe_url: str


@asynccontextmanager
async def local_bot(target: Target, *, key: str | None, path: str | None) -> AsyncIterator[LocalBot]:
    """The bot of this target in a process of its own, while inside. Raises Failure."""
    given = environment_of(target.folder)
    key = key or given.get("POE_ACCESS_KEY") or os.environ.get("POE_ACCESS_KEY") or secrets.token_hex(16)
    with listen() as poe_socket, listen() as bot_socket:
        async with served(FakePoe(), poe_socket):
            process = await BotProcess.spawn(target, bot_socket, key=key, output=_STDERR)
            try:
                own = {"POE_BASE_URL": url_of(poe_socket), "POE_ACCESS_KEY": key}
                await process.start({"POE_API_KEY": "local", **given, **own}, _told)
                found = path or next((str(each["path"]) for each in process.bots), "/")
                yield LocalBot(f"{url_of(bot_socket)}{found}", key, url_of(poe_socket))
            finally:
                await process.stop()


def _told(report: Mapping[str, Any]) -> None:
    """Errors that the bot logs, for its author; the rest is seen in the answers."""
    if report["kind"] == "log" and report["level"] in {"ERROR", "CRITICAL"}:
        click.echo("\n".join(filter(None, [report["traceback"].rstrip(), report["message"]])), err=True)
