"""`dev` at work: playground and local Poe in this process, the bot in another one that is renewed at each change."""

from __future__ import annotations

import asyncio
import logging
import os
import secrets
import signal
import webbrowser
from collections.abc import Mapping
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from ..client import PoeClient, close_pool
from ..local import FakePoe
from ..playground import Playground
from ._dev_greeting import STAND_INS, Greeting
from ._dev_lines import blocked_line, failure_lines, log_line, request_line, say
from ._env import NAME, environment_of
from ._exits import Failure
from ._extras import need
from ._live import live
from ._loopback import listen, served, url_of
from ._model_server import model_answers
from ._process import BotProcess
from ._project import shown
from ._sorry import sorry
from ._target import LoadError, Target
from ._watch import Watch

_LONG = 8.0  # seconds that an import may take without a word


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """The options of the command."""

    target: Target
    port: int
    path: str | None
    key: str | None
    live: bool
    model_url: str | None
    model: str | None
    browser: bool


class DevSession:
    """One run of `dev`."""

    def __init__(self, wanted: Wanted) -> None:
        self._wanted = wanted
        self._given = environment_of(wanted.target.folder)
        in_file, in_shell = self._given.get("POE_ACCESS_KEY"), os.environ.get("POE_ACCESS_KEY")
        key = wanted.key or in_shell or in_file
        self._key_from = "--key" if wanted.key else "POE_ACCESS_KEY" if in_shell else ".env (to paste: export it)"
        self._made_key = None if key else secrets.token_hex(16)
        self._key = key or self._made_key or ""
        self._poe = FakePoe()
        self._watch = Watch()
        self._watch.on([Path.cwd() / NAME, wanted.target.folder / NAME, *filter(None, [wanted.target.file])])
        need("markdown_it", "nh3")
        self._page_socket = listen(wanted.port, next_free=True)
        self._bot_socket = listen(self._page_socket.getsockname()[1] + 1, next_free=True)
        url = f"{url_of(self._bot_socket)}{wanted.path or '/'}"
        self._playground = Playground(url, access_key=self._key, fake_poe=self._poe)
        self._greeted = False
        self._failure: Failure | None = None  # why the bot does not run

    async def run(self) -> None:
        """Until SIGINT or SIGTERM. Raises Failure when it cannot begin."""
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, stop.set)
        logging.getLogger("uvicorn.error").addFilter(_is_no_cut)
        async with AsyncExitStack() as stack:
            stack.enter_context(self._page_socket)
            stack.enter_context(self._bot_socket)
            stack.push_async_callback(close_pool)
            self._script_other_bots()
            await stack.enter_async_context(served(self._playground.app, self._page_socket))
            stack.callback(self._playground.close)
            working = asyncio.create_task(self._work())
            stopping = asyncio.create_task(stop.wait())
            await asyncio.wait([working, stopping], return_when=asyncio.FIRST_COMPLETED)
            stopping.cancel()
            if not working.done():
                click.echo("\nStopping …")
            working.cancel()
            with suppress(asyncio.CancelledError):
                await working

    # ---- what is there before the bot

    def _script_other_bots(self) -> None:
        """Whatever is to answer behind the local Poe."""
        wanted, poe = self._wanted, self._poe
        if wanted.live:
            key = self._given.get("POE_API_KEY") or os.environ.get("POE_API_KEY")
            if not key:
                raise Failure("--live calls the real Poe, with your key: set POE_API_KEY to one of poe.com/api/keys.")
            poe.otherwise(live(poe, key, os.environ.get("POE_BASE_URL") or "https://api.poe.com"))
        elif wanted.model_url:
            poe.otherwise(model_answers(wanted.model_url, wanted.model, PoeClient(api_key="local")))

    def _who_answers(self) -> str:
        if self._wanted.live:
            return "the real ones, and your points pay (POE_API_KEY)"
        if self._wanted.model_url:
            return f"the model at {self._wanted.model_url}"
        return STAND_INS

    def _for_the_bot(self) -> dict[str, str]:
        """The environment of the bot, beside that of this process. It calls the local Poe, where any key will do."""
        given = environment_of(self._wanted.target.folder)
        own = {"POE_BASE_URL": f"{url_of(self._page_socket)}/poe", "POE_ACCESS_KEY": self._key, "PYTHONUNBUFFERED": "1"}
        return {"POE_API_KEY": os.environ.get("POE_API_KEY", "local"), **given, **own}

    # ---- the bot

    async def _work(self) -> None:
        process = await self._spawn()
        upcoming: BotProcess | None = None
        try:
            while True:
                changed = await self._start(process)
                if not changed:
                    upcoming = await self._spawn()
                    changed = await (self._mended(self._failure) if self._failure else self._running(process))
                say(f"{', '.join(map(shown, changed))} changed", mark="↻", color="cyan")
                await process.stop()
                process, upcoming = upcoming or await self._spawn(), None
        finally:
            both = (each.stop() for each in (process, upcoming) if each is not None)
            await asyncio.shield(asyncio.gather(*both))

    async def _spawn(self) -> BotProcess:
        return await BotProcess.spawn(self._wanted.target, self._bot_socket, key=self._key)

    async def _start(self, process: BotProcess) -> list[str]:
        """Until the bot runs, or there is a `_failure`; gives the files that changed meanwhile, if any did."""
        self._failure = None
        starting = asyncio.create_task(self._loaded(process))
        changing = asyncio.create_task(self._watch.changed())
        try:
            done, _ = await asyncio.wait([starting, changing], timeout=_LONG, return_when=asyncio.FIRST_COMPLETED)
            if not done:
                say(f"{self._wanted.target.what} is still being imported. Does it start a server by itself, or wait?")
                await asyncio.wait([starting, changing], return_when=asyncio.FIRST_COMPLETED)
            if not starting.done():
                return changing.result()
            self._failure = starting.result()
        finally:
            starting.cancel()
            changing.cancel()
            self._watch.on(process.files)
        self._declare(process)
        return []

    async def _loaded(self, process: BotProcess) -> Failure | None:
        try:
            await process.start(self._for_the_bot(), self._told)
        except Failure as exc:
            return exc
        return None

    async def _running(self, process: BotProcess) -> list[str]:
        """Until something changes. A process that ends by itself is a failure."""
        here = self._here(process)
        url = f"{url_of(self._bot_socket)}{self._path(here)}"
        target = self._wanted.target
        imported_from = f"{target.module}:{here['variable'] if here else target.attribute or 'app'}"
        self._playground.describe(url=url, name=here["name"] if here else None, imported_from=imported_from)
        self._playground.bot_reloaded()
        if self._greeted:
            say("reloaded", mark="↻", color="cyan")
        else:
            self._greet(process, url, self._path(here))
        changing = asyncio.create_task(self._watch.changed())
        ending = asyncio.create_task(process.ended())
        try:
            await asyncio.wait([changing, ending], return_when=asyncio.FIRST_COMPLETED)
            if changing.done():
                return changing.result()
            failure = LoadError(f"The bot's process ended by itself, with the exit code {ending.result()}.")
        finally:
            changing.cancel()
            ending.cancel()
        return await self._mended(failure)

    async def _mended(self, failure: Failure) -> list[str]:
        """Say what is wrong, in place of the bot, too, until something changes."""
        failure_lines(failure.message, failure.details)
        say("Waiting for a change …")
        self._playground.bot_failed(f"{failure.details}\n{failure.message}".strip())
        async with sorry(self._bot_socket, failure.message):
            return await self._watch.changed()

    def _greet(self, process: BotProcess, bot_url: str, path: str) -> None:
        self._greeted = True
        page_url = f"{url_of(self._page_socket)}{self._playground.path}"
        greeting = Greeting(
            target=self._wanted.target.text,
            page_url=page_url,
            bot_url=bot_url,
            made_key=self._made_key,
            key_from=self._key_from,
            bots=process.bots,
            path=path,
            others=self._who_answers(),
        )
        click.echo(f"\n{greeting.text()}\n")
        if self._wanted.browser and _has_display():
            webbrowser.open(page_url)

    def _here(self, process: BotProcess) -> Mapping[str, Any] | None:
        """What is known of the bot that the page is for: the one at the path that was named, or the first."""
        return next((each for each in process.bots if self._wanted.path in {None, each["path"]}), None)

    def _path(self, here: Mapping[str, Any] | None) -> str:
        return self._wanted.path or (str(here["path"]) if here else "/")

    def _declare(self, process: BotProcess) -> None:
        """Have the local Poe refuse what Poe would: calls that the bots did not declare, as far as that shows."""
        known = [each["settings"] for each in process.bots]
        calls: dict[str, int] = {}
        for settings in known:
            for name, number in ((settings or {}).get("server_bot_dependencies") or {}).items():
                calls[name] = max(calls.get(name, 0), number)
        self._poe.declare(calls if known and None not in known else None)

    def _told(self, report: Mapping[str, Any]) -> None:
        match report["kind"]:
            case "request":
                request_line(report)
            case "blocked":
                blocked_line(report)
            case "log":
                log_line(report)
                if report["error_id"]:
                    self._playground.handler_failed(report["error_id"], report["traceback"] or report["message"])


def _has_display() -> bool:
    """Whether a browser would be seen: not over SSH, in a container, or on a server."""
    if os.environ.get("SSH_CONNECTION") or os.environ.get("CI"):
        return False
    return os.uname().sysname == "Darwin" or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def _is_no_cut(record: logging.LogRecord) -> bool:
    """A connection that is cut on purpose, as the one behind it was, is no failure of the server."""
    return record.exc_info is None or not isinstance(record.exc_info[1], ConnectionError)
