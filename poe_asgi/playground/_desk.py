"""Everything the playground knows, and what the user can do: `Desk`. Every page that is open is told."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping, Sequence
from typing import Any

from .._clock import current_clock
from ..client import read_bounded
from ..errors import ConnectionFailedError, ConnectTimeoutError
from ..local import FakePoe
from ..protocol import PROTOCOL_VERSION, Attachment, File, Limits, new_identifier
from ._asking import Asking
from ._conversation import Answer, Conversation, Question
from ._exchanges import Exchange
from ._hub import Hub
from ._markdown import Renderer
from ._refusal import RefusedError
from ._settings import BotSettings
from ._target import Target, checked_url

_KEPT = 300  # exchanges, and tracebacks
_SETTINGS_SECONDS = 10.0
_BODY_BYTES = 2**20
_ERROR_ID = re.compile(r"\b[0-9a-f]{8}\b")


class Desk:
    """``user_id`` is the one user there is; ``failed`` the message of a bot that cannot start; ``files`` what was
    attached, by URL. ``imported_from`` is where a test finds the bot, as in ``bot:bot``.
    """

    def __init__(self, target: Target, poe: FakePoe, *, name: str, imported_from: str) -> None:
        self.target = target
        self.poe = poe
        self.name = name
        self.imported_from = imported_from
        self.files: dict[str, Attachment] = {}
        self.hub = Hub()
        self.limits = Limits()
        self.user_id = new_identifier("u")
        self.conversations: dict[str, Conversation] = {}
        self.exchanges: dict[int, Exchange] = {}
        self.settings: BotSettings | None = None
        self.failed: str | None = None
        self._tracebacks: dict[str, str] = {}
        self._asking: dict[str, Asking] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    # ---- what a page is told

    def everything(self) -> dict[str, Any]:
        """What a page begins with."""
        return {
            "name": self.name,
            "conversations": self._heads(),
            "settings": self._settings_to_page(),
            "failed": self.failed,
            "exchanges": [exchange.summary() for exchange in self.exchanges.values()],
        }

    def answer_to_page(self, answer: Answer, start: int = 0) -> dict[str, Any]:
        """An answer, with the traceback of its author where there is one."""
        page = answer.to_page(start)
        if answer.error is not None:
            ids = _ERROR_ID.findall(answer.error.text)
            page["error"]["traceback"] = next((self._tracebacks[each] for each in ids if each in self._tracebacks), "")
        return page

    def conversation_to_page(self, conversation: Conversation) -> dict[str, Any]:
        entries = [
            self.answer_to_page(entry) if isinstance(entry, Answer) else entry.to_page()
            for entry in conversation.entries
        ]
        return {**conversation.head(), "entries": entries}

    def publish_answer(self, conversation: Conversation, answer: Answer, start: int = 0) -> None:
        self.hub.publish("entry", key=conversation.key, entry=self.answer_to_page(answer, start))

    def publish_heads(self) -> None:
        self.hub.publish("conversations", conversations=self._heads())

    # ---- the bot

    def describe(self, *, url: str | None, name: str | None, imported_from: str | None) -> None:
        if url is not None:
            self.target.url = checked_url(url)
        self.name = name or self.name
        self.imported_from = imported_from or self.imported_from
        self.hub.publish("hello", **self.everything())

    def bot_reloaded(self) -> None:
        self.failed = None
        self.hub.publish("bot", failed=None)
        self.spawn(self.fetch_settings())

    def bot_failed(self, message: str) -> None:
        self.failed = message
        self.hub.publish("bot", failed=message)

    def handler_failed(self, error_id: str, traceback: str) -> None:
        self._tracebacks[error_id] = traceback
        while len(self._tracebacks) > _KEPT:
            del self._tracebacks[next(iter(self._tracebacks))]
        for conversation in self.conversations.values():
            for entry in conversation.entries:
                if isinstance(entry, Answer) and entry.error is not None and error_id in entry.error.text:
                    self.publish_answer(conversation, entry, len(entry.shown))

    async def fetch_settings(self) -> None:
        """Ask the bot for its settings, as Poe does at a sync."""
        exchange = self.new_exchange({"version": PROTOCOL_VERSION, "type": "settings"})
        await self.exchange_whole(exchange)
        if exchange.status == 200:
            self.settings = BotSettings.read(exchange.answer)
        else:
            why = exchange.problem or f"The bot answered {exchange.status} to the request for its settings."
            self.settings = BotSettings.missing(why)
        self.hub.publish("settings", settings=self._settings_to_page())

    # ---- what the user does

    def conversation(self, key: str) -> Conversation:
        """Raises RefusedError."""
        try:
            return self.conversations[key]
        except KeyError:
            raise RefusedError("This conversation is not there any more.") from None

    def new_conversation(self, title: str = "") -> Conversation:
        conversation = Conversation(self.user_id, title)
        self.conversations[conversation.key] = conversation
        self.publish_heads()
        return conversation

    async def delete(self, key: str) -> None:
        await self.stop(key)
        self.conversations.pop(key, None)
        self.publish_heads()

    def ask(self, key: str, text: str, files: Sequence[File], parameters: Mapping[str, Any]) -> Answer:
        """Say something to the bot. Raises RefusedError."""
        conversation = self._idle(key)
        question = conversation.ask(text, files, parameters)
        self.hub.publish("entry", key=key, entry=question.to_page())
        return self._answer(conversation, question)

    def retry(self, key: str) -> Answer:
        """Ask the last question again; its answers are forgotten. Raises RefusedError."""
        conversation = self._idle(key)
        answer = conversation.current
        if answer is None:
            raise RefusedError("There is no answer to try again.")
        for each in conversation.answers_to(answer.question):
            conversation.entries.remove(each)
            self.hub.publish("removed", key=key, id=each.id)
        return self._answer(conversation, answer.question)

    def send_again(self, conversation: Conversation, answer: Answer) -> None:
        """What Poe does after an error that may be retried, once: the same question, and a new message id."""
        self._answer(conversation, answer.question, second=True).saved_text = answer.saved_text

    async def stop(self, key: str) -> None:
        """Leave the answer that is under way."""
        asking = self._asking.get(key)
        if asking is not None:
            await asking.stop()

    async def answered(self, key: str) -> Answer | None:
        """Wait for the end of the answer that is under way, and of the one to the question that is sent again."""
        while (asking := self._asking.get(key)) is not None and not asking.finished.is_set():
            await asking.finished.wait()
        return asking.answer if asking is not None else None

    def clear(self, key: str) -> None:
        """Clear the context. Raises RefusedError."""
        conversation = self._idle(key)
        self.hub.publish("entry", key=key, entry=conversation.clear().to_page())
        self.publish_heads()

    async def react(self, key: str, message_id: str, reaction: str) -> None:
        """Raises RefusedError."""
        conversation = self.conversation(key)
        answer = self._answer_of(conversation, message_id)
        if reaction in answer.reactions:  # Poe tells a bot nothing of one that is taken back
            answer.reactions.remove(reaction)
        else:
            answer.reactions.append(reaction)
            await self._report(conversation, "report_reaction", message_id=message_id, reaction=reaction)
        self.publish_answer(conversation, answer, len(answer.shown))

    async def feedback(self, key: str, message_id: str, feedback_type: str) -> None:
        """Raises RefusedError."""
        conversation = self.conversation(key)
        answer = self._answer_of(conversation, message_id)
        answer.feedback = None if answer.feedback == feedback_type else feedback_type
        if answer.feedback is not None:
            await self._report(conversation, "report_feedback", message_id=message_id, feedback_type=feedback_type)
        self.publish_answer(conversation, answer, len(answer.shown))

    # ---- exchanges

    def new_exchange(self, body: Mapping[str, Any]) -> Exchange:
        exchange = Exchange(body, now=current_clock().time(), limits=self.limits)
        self.exchanges[exchange.id] = exchange
        while len(self.exchanges) > _KEPT:
            del self.exchanges[next(iter(self.exchanges))]
        return exchange

    def publish_exchange(self, exchange: Exchange, start: int = 0) -> None:
        frames = [frame.to_page() for frame in exchange.frames[start:]]
        self.hub.publish("exchange", exchange=exchange.summary(), start=start, frames=frames)

    async def exchange_whole(self, exchange: Exchange) -> None:
        """Send a request whose answer is no stream. What goes wrong is the exchange's problem."""
        clock = current_clock()
        try:
            async with asyncio.timeout(_SETTINGS_SECONDS), self.target.post(exchange.body) as response:
                exchange.status, exchange.headers = response.status, response.headers
                exchange.keep(await read_bounded(response, _BODY_BYTES), clock.time())
        except (ConnectionFailedError, ConnectTimeoutError) as exc:
            exchange.problem = str(exc)
        except TimeoutError:
            exchange.problem = f"The bot did not answer within {_SETTINGS_SECONDS:g} s."
        exchange.end(clock.time())
        self.publish_exchange(exchange)

    async def report_error(self, conversation: Conversation, message: str) -> None:
        """Tell the bot, as Poe does, that it broke the protocol."""
        metadata = {"conversation_id": conversation.conversation_id}
        body = {"version": PROTOCOL_VERSION, "type": "report_error", "message": message, "metadata": metadata}
        await self.exchange_whole(self.new_exchange(body))

    def spawn(self, work: Any) -> None:
        """Run this beside everything else."""
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def close(self) -> None:
        """Stop everything."""
        for asking in list(self._asking.values()):
            await asking.stop()
        for task in list(self._tasks):
            task.cancel()
        self.hub.close()

    # ---- inside

    def _answer(self, conversation: Conversation, question: Question, *, second: bool = False) -> Answer:
        asking = Asking(self, conversation, question, second=second)
        self._asking[conversation.key] = asking
        self.publish_heads()
        self.spawn(asking.run())
        return asking.answer

    async def _report(self, conversation: Conversation, kind: str, **members: str) -> None:
        ids = {"user_id": self.user_id, "conversation_id": conversation.conversation_id}
        await self.exchange_whole(
            self.new_exchange({"version": PROTOCOL_VERSION, "type": kind, **ids, **members}),
        )

    def _idle(self, key: str) -> Conversation:
        conversation = self.conversation(key)
        if conversation.busy:
            raise RefusedError("The bot is still answering. Stop it first.")
        return conversation

    def _answer_of(self, conversation: Conversation, message_id: str) -> Answer:
        answer = conversation.answer(message_id)
        if answer is None:
            raise RefusedError("This answer is not there any more.")
        return answer

    def _heads(self) -> list[dict[str, Any]]:
        return [conversation.head() for conversation in self.conversations.values()]

    def _settings_to_page(self) -> dict[str, Any] | None:
        if self.settings is None:
            return None
        introduction = Renderer().blocks(self.settings.stored.introduction_message)
        return self.settings.to_page(introduction)
