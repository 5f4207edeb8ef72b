"""`Chat`: a conversation with a bot, over several turns, with all that Poe remembers of it."""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import fields, replace
from typing import Any

from ..errors import ConfigurationError, did_you_mean
from ..protocol import (
    CONTENT_TYPES,
    PROTOCOL_VERSION,
    Attachments,
    Done,
    Feedback,
    File,
    Message,
    QueryRequest,
    Reaction,
    Reply,
    Settings,
    new_identifier,
    user,
)
from ._target import Target


class Chat:
    """One user's conversation with the bot.

    ``messages`` is what the bot is sent next time, before the new message: each answer with the metadata and files it
    stored, and with the reactions to it. ``user_id`` and ``conversation_id`` are the ids that Poe would send.
    """

    def __init__(
        self, target: Target, *, user_id: str, parameters: Mapping[str, Any], history: Sequence[Message] = ()
    ) -> None:
        self._target = target
        self._parameters = parameters
        self.user_id = user_id
        self.conversation_id = new_identifier("c")
        self.messages = tuple(replace(each, message_id=each.message_id or new_identifier("m")) for each in history)

    async def ask(
        self,
        message: str | Message,
        *attachments: File,
        parameters: Mapping[str, Any] | None = None,
        disconnect_after: int | None = None,
        allow: Collection[str] = (),
        **query: Any,
    ) -> Reply:
        """Say something, and get the bot's answer.

        ``parameters`` are the values of the bot's controls, as Poe sends them, beside those given to ``poe_tester``.
        ``disconnect_after`` is the number of events, `meta` included, after which the user leaves; the bot is given
        time to clean up, and the reply is what came. ``allow`` are the ids of rules that may be broken. Other names
        are fields of the query: ``language_code="de"``, ``temperature=0.5``.

        An answer that ends in an error is a reply too, with ``error`` set. Raises RuleBrokenError when a rule of level
        ``error`` is broken, UnexpectedAnswerError for another status than 200, or an answer that is no event stream.
        """
        __tracebackhide__ = True
        said = self._said(message, attachments, parameters)
        ids = {"user_id": self.user_id, "conversation_id": self.conversation_id, "message_id": new_identifier("m")}
        handles = {"metadata": new_identifier("d"), "bot_query_id": new_identifier("q")}
        request = QueryRequest(
            (*self.messages, said), **{"version": PROTOCOL_VERSION, **ids, **handles, **_checked(query)}
        )
        reply = await self._target.answer(request.to_wire(), disconnect_after=disconnect_after, allow=allow)
        self.messages = (*request.query, *self._answered(request, reply))
        return reply

    def clear(self) -> None:
        """The user clears the context: no messages, and another conversation id."""
        self.messages = ()
        self.conversation_id = new_identifier("c")

    async def react(self, reaction: str, *, message_id: str | None = None) -> None:
        """React to an answer, the last one by default: ``like``, ``dislike``, ``heart``, ``laughing`` and more.

        The bot is told, and the reaction stands at that message from then on.
        """
        __tracebackhide__ = True
        answer = message_id or self._last_answer()
        await self._report("report_reaction", message_id=answer, reaction=reaction)
        self._note(answer, "reactions", Reaction(user_id=self.user_id, reaction=reaction))

    async def feedback(self, feedback_type: str, *, reason: str | None = None, message_id: str | None = None) -> None:
        """Give an answer a thumb, ``like`` or ``dislike``; otherwise as `react`."""
        __tracebackhide__ = True
        answer = message_id or self._last_answer()
        await self._report("report_feedback", message_id=answer, feedback_type=feedback_type)
        self._note(answer, "feedback", Feedback(type=feedback_type, reason=reason))

    async def report_error(self, message: str, metadata: Mapping[str, Any] | None = None) -> None:
        """Tell the bot, as Poe does, that it broke the protocol."""
        __tracebackhide__ = True
        body = {"type": "report_error", "version": PROTOCOL_VERSION, "message": message, "metadata": metadata or {}}
        await self._target.report(body)

    async def settings(self) -> Settings:
        """The bot's settings, as Poe understands its answer."""
        __tracebackhide__ = True
        return Settings.from_wire(await self._target.settings({"type": "settings", "version": PROTOCOL_VERSION}))

    # ---- inside

    def _said(
        self, message: str | Message, attachments: Sequence[File], parameters: Mapping[str, Any] | None
    ) -> Message:
        said = user(message) if isinstance(message, str) else message
        return replace(
            said,
            message_id=said.message_id or new_identifier("m"),
            timestamp=said.timestamp or self._microseconds(),
            attachments=Attachments.of((*said.attachments, *attachments)),
            parameters={**self._parameters, **said.parameters, **(parameters or {})},
        )

    def _answered(self, request: QueryRequest, reply: Reply) -> list[Message]:
        """The answer as it stands in the history; nothing, where it failed or was left before it said anything."""
        complete = reply.error is None and any(isinstance(event, Done) for event in reply.events)
        if not (complete or reply.text or reply.files):
            return []
        content_type = reply.meta.content_type if reply.meta is not None else "text/markdown"
        return [
            Message(
                "bot",
                reply.text,
                content_type=content_type if content_type in CONTENT_TYPES else "text/plain",
                message_id=request.message_id,
                timestamp=self._microseconds(),
                metadata=reply.data,
                attachments=Attachments.of(reply.files),
            )
        ]

    def _microseconds(self) -> int:
        clock = self._target.clock
        return int(clock.time() * 1_000_000) if clock is not None else time.time_ns() // 1_000

    def _last_answer(self) -> str:
        """Its id; another one where the bot has said nothing yet."""
        return next((m.message_id for m in reversed(self.messages) if m.role == "bot"), "") or new_identifier("m")

    async def _report(self, kind: str, **members: str) -> None:
        __tracebackhide__ = True
        ids = {"user_id": self.user_id, "conversation_id": self.conversation_id}
        await self._target.report({"type": kind, "version": PROTOCOL_VERSION, **ids, **members})

    def _note(self, message_id: str, name: str, value: Reaction | Feedback) -> None:
        self.messages = tuple(
            message.replace(**{name: (*getattr(message, name), value)}) if message.message_id == message_id else message
            for message in self.messages
        )


def _checked(query: Mapping[str, Any]) -> Mapping[str, Any]:
    known = {each.name for each in fields(QueryRequest)} - {"query"}
    for name in query:
        if name not in known:
            raise ConfigurationError(f"ask() has no argument {name!r}.{did_you_mean(name, known)}")
    return query
