"""`PoeTester`, what the fixture ``poe_tester`` is, and `BotTester`, what it gives for a bot."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from types import TracebackType
from typing import Any

from .._clock import Clock
from ..errors import ConfigurationError
from ..local import AsgiApp, FakePoe
from ..protocol import File, Limits, Message, Reply, Settings, new_identifier
from ..server import Bot
from ._chat import Chat
from ._lifespan import TestedLifespan
from ._target import UNSET, Target, checked_rules


class PoeTester:
    """Makes a bot testable: ``poe_tester(bot)``. ``poe`` is the Poe that the bot's own calls go to."""

    def __init__(self, poe: FakePoe) -> None:
        self.poe = poe

    def __call__(
        self,
        bot: Bot | AsgiApp,
        *,
        deps: Any = UNSET,
        limits: Limits | None = None,
        parameters: Mapping[str, Any] | None = None,
        history: Sequence[Message] = (),
        clock: Clock | None = None,
        access_key: str | None = None,
        path: str = "/",
        allow: Collection[str] = (),
    ) -> BotTester:
        """A tester of this bot: a `Bot`, an app made of bots, or any ASGI app that is one.

        ``deps`` is what ``ctx.deps`` shall be; the bot's lifespan is not run then. ``limits`` take the place of the
        bot's, and are what answers are held to. ``parameters`` are values of the bot's controls, for every message.
        ``history`` is what was said before. ``clock`` is a `ManualClock`. ``allow`` are the ids of rules that the bot
        may break.

        For an app: ``path`` is where its bot stands, ``access_key`` the bot's key (default: POE_ACCESS_KEY).

        Raises ConfigurationError for what does not fit together.
        """
        target = Target.of(
            bot,
            deps=deps,
            limits=limits,
            access_key=access_key,
            path=path,
            allow=frozenset(checked_rules(allow)),
            clock=clock,
            poe=self.poe,
        )
        return BotTester(target, parameters=dict(parameters or {}), history=tuple(history))


class BotTester:
    """Asks one bot, over the way that Poe's requests take: bytes in, bytes out, its lifespan around them.

    Each call of a method is a conversation of its own, by the same user. ``async with tester as chat`` is a
    conversation over several turns, in one lifespan.
    """

    def __init__(self, target: Target, *, parameters: Mapping[str, Any], history: Sequence[Message]) -> None:
        self._target = target
        self._parameters = parameters
        self._history = history
        self._user_id = new_identifier("u")
        self._open: AbstractAsyncContextManager[Chat] | None = None

    async def __aenter__(self) -> Chat:
        if self._open is not None:
            raise ConfigurationError("This conversation is open already; for another one call poe_tester again.")
        self._open = self._chat()
        try:
            return await self._open.__aenter__()
        except BaseException:
            self._open = None
            raise

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        assert self._open is not None
        chat, self._open = self._open, None
        await chat.__aexit__(exc_type, exc, traceback)

    async def ask(
        self,
        message: str | Message,
        *attachments: File,
        parameters: Mapping[str, Any] | None = None,
        disconnect_after: int | None = None,
        allow: Collection[str] = (),
        **query: Any,
    ) -> Reply:
        """One question and its answer. See `Chat.ask`."""
        __tracebackhide__ = True
        async with self._chat() as chat:
            return await chat.ask(
                message,
                *attachments,
                parameters=parameters,
                disconnect_after=disconnect_after,
                allow=allow,
                **query,
            )

    async def react(self, reaction: str) -> None:
        """React to an answer. See `Chat.react`."""
        __tracebackhide__ = True
        async with self._chat() as chat:
            await chat.react(reaction)

    async def feedback(self, feedback_type: str) -> None:
        """Give an answer a thumb. See `Chat.feedback`."""
        __tracebackhide__ = True
        async with self._chat() as chat:
            await chat.feedback(feedback_type)

    async def report_error(self, message: str, metadata: Mapping[str, Any] | None = None) -> None:
        """Report a broken rule to the bot. See `Chat.report_error`."""
        __tracebackhide__ = True
        async with self._chat() as chat:
            await chat.report_error(message, metadata)

    async def settings(self) -> Settings:
        """The bot's settings. See `Chat.settings`."""
        __tracebackhide__ = True
        async with self._chat() as chat:
            return await chat.settings()

    @asynccontextmanager
    async def _chat(self) -> AsyncIterator[Chat]:
        __tracebackhide__ = True
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            raise ConfigurationError("Bots run on asyncio alone, and this test does not: set its backend.") from None
        lifespan = TestedLifespan(self._target.app)
        with self._target.surroundings():
            await lifespan.start()
        try:
            yield Chat(
                self._target.at(lifespan),
                user_id=self._user_id,
                parameters=self._parameters,
                history=self._history,
            )
        finally:
            await lifespan.stop()
