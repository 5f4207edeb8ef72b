"""A conversation, as Poe would keep it: what goes out with the next question, and what an answer leaves behind."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace

from ..protocol import (
    CONTENT_TYPES,
    PROTOCOL_VERSION,
    Attachment,
    Attachments,
    Message,
    QueryRequest,
    Reply,
    new_identifier,
    user,
)


class Talk:
    """One user's conversation. ``messages`` are all that were said, oldest first."""

    def __init__(self) -> None:
        self.messages: tuple[Message, ...] = ()
        self._before: tuple[Message, ...] = ()  # the latest question
        self._question: Message | None = None
        self._user_id = new_identifier("u")
        self._conversation_id = new_identifier("c")

    def ask(self, text: str, attachments: Sequence[Attachment] = ()) -> QueryRequest:
        """The query for a new question."""
        self._before = self.messages
        self._question = replace(user(text), message_id=new_identifier("m"), attachments=Attachments(attachments))
        return self._query()

    def retry(self) -> QueryRequest | None:
        """The query for the latest question once more, as if it had not been answered; None without one."""
        return self._query() if self._question is not None else None

    def answered(self, query: QueryRequest, reply: Reply) -> None:
        """Keep an answer. One that failed before it said anything leaves nothing."""
        self.messages = tuple(query.query)
        if reply.error is None or reply.text or reply.files:
            content_type = reply.meta.content_type if reply.meta is not None else "text/markdown"
            answer = Message(
                "bot",
                reply.text,
                content_type=content_type if content_type in CONTENT_TYPES else "text/plain",
                message_id=query.message_id,
                timestamp=time.time_ns() // 1_000,
                metadata=reply.data,
                attachments=Attachments.of(reply.files),
            )
            self.messages = (*self.messages, answer)

    def clear(self) -> None:
        """The user clears the context."""
        self.messages = self._before = ()
        self._question = None
        self._conversation_id = new_identifier("c")

    def _query(self) -> QueryRequest:
        assert self._question is not None
        question = replace(self._question, timestamp=time.time_ns() // 1_000)
        return QueryRequest(
            (*self._before, question),
            version=PROTOCOL_VERSION,
            user_id=self._user_id,
            conversation_id=self._conversation_id,
            message_id=new_identifier("m"),
            metadata=new_identifier("d"),
            bot_query_id=new_identifier("q"),
        )
