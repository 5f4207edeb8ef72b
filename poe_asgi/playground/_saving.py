"""A conversation as a file, and what can be read back from one."""

from __future__ import annotations

from base64 import b64decode, b64encode
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ..errors import RequestError
from ..protocol import parse_json_object
from ._conversation import Answer, Cleared, Conversation, Question
from ._files import content_of
from ._refusal import RefusedError

if TYPE_CHECKING:
    from ._desk import Desk

_FORMAT = "poe_asgi_conversation"
_VERSION = 1


def saved(desk: Desk, conversation: Conversation) -> dict[str, Any]:
    """The conversation in plain JSON types, with the contents of its attachments."""
    turns: list[dict[str, Any]] = []
    for entry in conversation.entries:
        match entry:
            case Question(message):
                files = [
                    {
                        "name": file.name,
                        "content_type": file.content_type,
                        "content": b64encode(content_of(desk, file.url) or b"").decode("ascii"),
                    }
                    for file in message.attachments
                ]
                turns.append({"text": message.content, "parameters": message.parameters, "files": files})
            case Answer():
                turns[-1]["answer"] = _answer(entry)
            case Cleared():
                turns.append({"cleared": True})
    return {_FORMAT: _VERSION, "title": conversation.title, "turns": turns}


def _answer(answer: Answer) -> dict[str, Any]:
    reader = answer.exchange.reader
    return {
        "text": answer.text,
        "status": answer.status,
        "error": answer.error.text if answer.error is not None else None,
        "suggested_replies": reader.suggested_replies,
        "reactions": answer.reactions,
        "feedback": answer.feedback,
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class SavedTurn:
    """A question of a saved conversation, and the text of its answer; or a place where the context was cleared."""

    text: str = ""
    parameters: dict[str, Any] = field(default_factory=dict)
    files: tuple[tuple[str, str, bytes], ...] = ()  # name, content type, content
    answer: str | None = None
    cleared: bool = False


def turns_of(body: bytes) -> tuple[str, list[SavedTurn]]:
    """The title and the turns of a saved conversation. Raises RefusedError."""
    try:
        raw = parse_json_object(body)
        if raw[_FORMAT] != _VERSION:
            raise RefusedError("This conversation was saved by another version.")
        return str(raw["title"]), [_turn(turn) for turn in raw["turns"]]
    except (RequestError, ValueError, KeyError, TypeError, AttributeError):
        raise RefusedError("This file is no saved conversation.") from None


def _turn(raw: dict[str, Any]) -> SavedTurn:
    if raw.get("cleared"):
        return SavedTurn(cleared=True)
    files = tuple((str(f["name"]), str(f["content_type"]), b64decode(f["content"])) for f in raw.get("files", ()))
    answer = raw.get("answer")
    return SavedTurn(
        text=str(raw["text"]),
        parameters=dict(raw.get("parameters", {})),
        files=files,
        answer=str(answer["text"]) if answer is not None else None,
    )
