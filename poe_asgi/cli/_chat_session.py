"""`chat` at work: questions in, answers out, one after the other."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Callable, Coroutine
from contextlib import AsyncExitStack
from types import TracebackType
from typing import Any, Self, TypeVar

import click
from rich.console import Console
from rich.markdown import Markdown
from rich.text import Text

from ..client import close_pool
from ..errors import UpstreamError
from ..protocol import Attachment, QueryRequest, Reply
from ._chat_files import attach, existing
from ._chat_screen import Screen
from ._exits import Exit, Failure
from ._local_bot import local_bot
from ._server_bot import ServerBot
from ._talk import Talk
from ._target import is_url, parse_target

T = TypeVar("T")

PROMPT = "> "

HELP = {
    "/retry": "ask the latest question again",
    "/raw": "show events instead of Markdown, or Markdown again",
    "/file PATH": "attach a file to the next question",
    "/1 /2 …": "send a suggested reply",
    "/history": "show the conversation",
    "/clear": "begin a new conversation",
    "/help": "this list",
    "/quit": "end",
}


class ChatSession:
    """Use it as a context manager: around it the bot runs, if it is one of this machine."""

    def __init__(self, bot: str, *, key: str | None, path: str | None, raw: bool, as_json: bool) -> None:
        self._interactive = sys.stdin.isatty() and not as_json
        self._as_json = as_json
        self._named, self._key, self._path = bot, key, path
        self._console = Console(highlight=False, stderr=as_json)
        self._screen = Screen(self._console, raw=raw)
        self._talk = Talk()
        self._attached: list[Attachment] = []
        self._suggested: tuple[str, ...] = ()
        self._failed = False
        self._poe_url: str | None = None
        self._commands: dict[str, Callable[[str], None]] = {
            "retry": self._retry,
            "raw": self._toggle_raw,
            "file": self._attach,
            "history": self._history,
            "clear": self._clear,
            "help": self._help,
        }

    def __enter__(self) -> Self:
        self._runner = asyncio.Runner()
        self._stack = AsyncExitStack()
        try:
            self._bot = self._run(self._open())
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._run(self._stack.aclose())
        self._runner.close()

    def run(self) -> None:
        """Until the questions end. Raises Exit when the last answer was an error."""
        self._greet()
        while (line := self._line()) is not None:
            text = line.strip()
            if text == "/quit":
                break
            try:
                self._handle(text)
            except (Failure, UpstreamError) as exc:
                if not self._interactive:
                    raise
                self._console.print(Text(f"  {exc}", style="red"))
            except KeyboardInterrupt:
                self._console.print(Text("  stopped", style="dim"))
        if self._failed and not self._interactive:
            raise click.exceptions.Exit(Exit.NEGATIVE)

    # ---- the bot

    async def _open(self) -> ServerBot:
        self._stack.push_async_callback(close_pool)
        if is_url(self._named):
            return ServerBot(self._named, self._key)
        local = await self._stack.enter_async_context(
            local_bot(parse_target(self._named), key=self._key, path=self._path)
        )
        self._poe_url = local.poe_url
        return ServerBot(local.url, local.key)

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        """On the one event loop, where the bot's local Poe answers too. Ctrl-C cancels the work."""
        return self._runner.run(work)

    def _greet(self) -> None:
        """Asking for the settings is also how a wrong key or address is noticed before the first question."""
        introduction = self._run(self._bot.settings()).get("introduction_message")
        if self._interactive:
            self._console.print(Text(f"{self._bot.url}   /help for what you can do, Ctrl-D to end", style="dim"))
            if introduction and isinstance(introduction, str):
                self._console.print(Markdown(introduction))

    # ---- what the user says

    def _line(self) -> str | None:
        if not self._interactive:
            return sys.stdin.readline() or None
        self._console.print()
        try:
            return input(_prompt(color=self._console.color_system is not None))
        except (EOFError, KeyboardInterrupt):
            self._console.print()
            return None

    def _handle(self, text: str) -> None:
        if not text:
            return
        name, _, argument = text[1:].partition(" ")
        if text.startswith("/") and name in self._commands:
            self._commands[name](argument.strip())
        elif text.startswith("/") and name.isdecimal() and not argument:
            self._suggestion(int(name))
        else:
            attached, self._attached = self._attached, []
            self._answer(self._talk.ask(text, attached))

    def _suggestion(self, number: int) -> None:
        if not 1 <= number <= len(self._suggested):
            raise Failure(f"There is no suggested reply {number}.")
        self._answer(self._talk.ask(self._suggested[number - 1]))

    def _retry(self, _: str) -> None:
        query = self._talk.retry()
        if query is None:
            raise Failure("Nothing was asked yet.")
        self._answer(query)

    def _toggle_raw(self, _: str) -> None:
        self._screen.raw = not self._screen.raw
        self._say(f"answers are shown as {'events' if self._screen.raw else 'Markdown'}")

    def _attach(self, path: str) -> None:
        if not path:
            raise Failure("Name the file: /file notes.txt")
        file = self._run(attach(existing(path), self._poe_url))
        self._attached.append(file)
        self._say(f"{file.name} ({file.content_type}) goes with the next question")

    def _history(self, _: str) -> None:
        if not self._talk.messages:
            self._say("nothing was said yet")
        for message in self._talk.messages:
            names = "".join(f" [{each.name}]" for each in message.attachments)
            self._console.print(Text.assemble((f"  {message.role:<5}", "bold"), f"{message.content}{names}"))

    def _clear(self, _: str) -> None:
        self._talk.clear()
        self._attached, self._suggested = [], ()
        self._say("a new conversation")

    def _help(self, _: str) -> None:
        for name, what in HELP.items():
            self._console.print(Text.assemble("  ", (f"{name:<12}", "bold cyan"), what))

    def _say(self, text: str) -> None:
        self._console.print(Text(f"  {text}", style="dim"))

    # ---- what the bot says

    def _answer(self, query: QueryRequest) -> None:
        reply = self._run(self._asked(query))
        self._suggested = reply.suggested_replies
        self._failed = reply.error is not None
        self._talk.answered(query, reply)
        if self._as_json:
            click.echo(json.dumps(as_object(reply)))

    async def _asked(self, query: QueryRequest) -> Reply:
        asked = await self._bot.ask(query)
        if self._as_json:
            async for _ in asked.events():
                pass
        else:
            await self._screen.show(asked)
        return asked.reply


def _prompt(*, color: bool) -> str:
    """The prompt; with readline, which brings editing and a history of lines, it says what of it takes no room."""
    try:
        import readline  # noqa: F401
    except ImportError:
        return PROMPT
    return f"\001\x1b[1;36m\002{PROMPT}\001\x1b[0m\002" if color else PROMPT


def as_object(reply: Reply) -> dict[str, Any]:
    """An answer for scripts."""
    return {
        "text": reply.text,
        "suggested_replies": list(reply.suggested_replies),
        "files": [{"name": f.name, "content_type": f.content_type, "url": f.url} for f in reply.files],
        "error": None
        if reply.error is None
        else {"text": reply.error.text, "type": reply.error.error_type, "allow_retry": reply.error.allow_retry},
        "violations": [{"rule": v.rule.id, "detail": v.detail} for v in reply.violations],
        "first_event_seconds": reply.first_event_seconds,
        "seconds": reply.seconds,
    }
