"""A conversation: what was said, as Poe remembers it and as the page shows it."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import Any, Literal, TypeAlias

from ..protocol import (
    CONTENT_TYPES,
    Attachments,
    ErrorEvent,
    Feedback,
    File,
    Message,
    Reaction,
    new_identifier,
)
from ._exchanges import Exchange, violation_to_page
from ._files import lasting
from ._markdown import Renderer

Status: TypeAlias = Literal["waiting", "streaming", "done", "stopped", "error", "failed"]

_TITLE = 48
_numbers = count(1)


def microseconds() -> int:
    """Now, as Poe writes it."""
    return time.time_ns() // 1_000


@dataclass(slots=True)
class Question:
    """A message of the user."""

    message: Message

    def to_page(self) -> dict[str, Any]:
        message = self.message
        return {
            "kind": "question",
            "id": message.message_id,
            "blocks": Renderer().blocks(message.content),
            "files": [_file(file) for file in message.attachments],
            "parameters": message.parameters,
        }


@dataclass(slots=True)
class Cleared:
    """The user cleared the context: what came before is no longer sent."""

    id: str = field(default_factory=lambda: new_identifier("x"))

    def to_page(self) -> dict[str, Any]:
        return {"kind": "cleared", "id": self.id}


@dataclass(slots=True)
class Answer:
    """An answer of the bot, finished or under way. ``saved_text`` is what it was when this is a replay.

    ``sent_again`` says that Poe has sent the question again because of its error; ``second`` is the answer to that.
    """

    id: str
    question: Question
    exchange: Exchange
    user_id: str
    status: Status = "waiting"
    error: ErrorEvent | None = None
    reactions: list[str] = field(default_factory=list)
    feedback: str | None = None
    saved_text: str | None = None
    sent_again: bool = False
    second: bool = False
    timestamp: int = 0
    played: tuple[int, int] = (0, 0)  # which answers of other bots came meanwhile: from, to
    renderer: Renderer = field(default_factory=Renderer, repr=False)
    shown: list[str] = field(default_factory=list, repr=False)

    @property
    def under_way(self) -> bool:
        return self.status in {"waiting", "streaming"}

    @property
    def text(self) -> str:
        """What a user sees."""
        heard = self.exchange.heard
        return self.exchange.reader.text if heard is None else heard

    @property
    def content_type(self) -> str:
        meta = self.exchange.reader.meta
        given = meta.content_type if meta is not None else "text/markdown"
        return given if given in CONTENT_TYPES else "text/plain"

    def message(self) -> Message | None:
        """The message as it stands in the history; None where it failed or was left before it said anything, or where
        another one came in its place.
        """
        reader = self.exchange.reader
        if self.sent_again or not (self.status == "done" or self.text or reader.files):
            return None
        return Message(
            "bot",
            self.text,
            content_type=self.content_type,
            message_id=self.id,
            timestamp=self.timestamp,
            metadata=reader.data,
            attachments=Attachments.of(reader.files),
            reactions=tuple(Reaction(user_id=self.user_id, reaction=each) for each in self.reactions),
            feedback=(Feedback(type=self.feedback),) if self.feedback else (),
        )

    def render(self) -> int:
        """Render what has come; returns the first block that differs from what was rendered before."""
        files = self.exchange.reader.files
        blocks = self.renderer.blocks(self.text, content_type=self.content_type, files=files)
        same = 0
        while same < min(len(blocks), len(self.shown)) and blocks[same] == self.shown[same]:
            same += 1
        self.shown = blocks
        return same

    def to_page(self, start: int = 0) -> dict[str, Any]:
        """What the page shows, with the blocks from ``start`` on."""
        reader = self.exchange.reader
        differs = self.saved_text is not None and not self.under_way and self.saved_text != self.text
        return {
            "kind": "answer",
            "id": self.id,
            "status": self.status,
            "from": start,
            "blocks": self.shown[start:],
            "plain": self.content_type == "text/plain",
            "files": [_file(file) for file in reader.files],
            "suggested": reader.suggested_replies,
            "error": _error(self.error) if self.error is not None else None,
            "problem": self.exchange.problem,
            "reactions": self.reactions,
            "feedback": self.feedback,
            "broken": [violation_to_page(each) for each in reader.violations],
            "exchange": self.exchange.id,
            "seconds": round(self.exchange.seconds, 3),
            "saved": self.saved_text if differs and not self.sent_again else None,
            "try": "first" if self.sent_again else "second" if self.second else None,
        }


Entry: TypeAlias = Question | Answer | Cleared


@dataclass(slots=True)
class Conversation:
    """Everything that was said, and the ids that Poe would send. ``key`` is known to the page alone."""

    user_id: str
    title: str = ""
    key: str = field(default_factory=lambda: str(next(_numbers)))
    conversation_id: str = field(default_factory=lambda: new_identifier("c"))
    entries: list[Entry] = field(default_factory=list)

    @property
    def current(self) -> Answer | None:
        """The newest answer."""
        last = self.entries[-1] if self.entries else None
        return last if isinstance(last, Answer) else None

    @property
    def busy(self) -> bool:
        return self.current is not None and self.current.under_way

    def answer(self, message_id: str) -> Answer | None:
        return next((each for each in self.entries if isinstance(each, Answer) and each.id == message_id), None)

    def answers_to(self, question: Question) -> list[Answer]:
        """More than one where Poe has sent it again."""
        return [each for each in self.entries if isinstance(each, Answer) and each.question is question]

    def ask(self, text: str, files: Sequence[File], parameters: Mapping[str, Any]) -> Question:
        """The user says something."""
        message = Message(
            "user",
            text,
            message_id=new_identifier("m"),
            timestamp=microseconds(),
            attachments=Attachments.of(files),
            parameters=dict(parameters),
        )
        question = Question(message)
        self.entries.append(question)
        first_line = text.strip().split("\n", 1)[0] or next((file.name for file in files), "")
        self.title = self.title or (first_line if len(first_line) <= _TITLE else f"{first_line[: _TITLE - 1]}…")
        return question

    def clear(self) -> Cleared:
        """The user clears the context: no messages, and another conversation id."""
        self.conversation_id = new_identifier("c")
        cleared = Cleared()
        self.entries.append(cleared)
        return cleared

    def history(self) -> tuple[Message, ...]:
        """What the bot is sent: all messages since the context was cleared."""
        messages: list[Message] = []
        for entry in self.entries:
            match entry:
                case Cleared():
                    messages.clear()
                case Question():
                    messages.append(entry.message)
                case Answer():
                    messages += [message] if (message := entry.message()) is not None else []
        return tuple(messages)

    def head(self) -> dict[str, Any]:
        """What the list of conversations shows."""
        return {"key": self.key, "title": self.title, "busy": self.busy, "conversation_id": self.conversation_id}


def _file(file: File) -> dict[str, Any]:
    kind = file.content_type.partition("/")[0]
    return {
        "url": lasting(file.url) if file.url.lower().startswith(("http://", "https://")) else None,
        "name": file.name,
        "type": file.content_type,
        "shown_as": kind if kind in {"image", "audio", "video"} else "link",
        "inline": file.inline_ref is not None,
    }


def _error(error: ErrorEvent) -> dict[str, Any]:
    return {"text": error.text, "allow_retry": error.allow_retry, "error_type": error.error_type}
