"""What a model answers: pieces as they come, and the whole."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import KW_ONLY, asdict, dataclass, field
from typing import Any, Generic, TypeVar

from ..protocol import File, ToolCall, ToolRound
from ._messages import ChatMessage
from ._token_usage import TokenUsage

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class ChatDelta:
    """What came together. ``text`` and ``thoughts`` are to be appended, ``""`` where there is none.

    ``json`` has what is no text, to be merged member by member: ``model``, ``usage``, ``tool_calls`` (left to the
    caller) and ``tool_rounds`` (run on the way), in the form of `ChatResult.to_dict`. ``replaces`` says that ``text``
    takes the place of all text before; only bots on the bot query API do that.
    """

    text: str = ""
    _: KW_ONLY
    thoughts: str = ""
    json: dict[str, Any] = field(default_factory=dict, hash=False)
    replaces: bool = False


@dataclass(frozen=True, slots=True)
class ChatResult:
    """One answer of a model; ``str(result)`` is its text.

    ``model`` is the name that came back, else the one that was asked for. ``thoughts`` is the reasoning the model
    showed. ``files`` are those the text refers to, as media models answer. ``tool_calls`` are left for the caller to
    answer, ``tool_rounds`` were run on the way; ``usage`` is that of all rounds. ``finish_reason`` is ``stop``,
    ``length``, ``tool_calls``, ``content_filter``, another one, or None where none came.

    ``complete`` is false where a stream ended without its end mark: the text may be cut. ``messages`` is what to append
    to a conversation to go on from this answer. ``raw`` is the body of the last answer, of a stream what it amounts to.
    Results are compared without the latter two.
    """

    text: str = ""
    _: KW_ONLY
    model: str = ""
    usage: TokenUsage = field(default_factory=TokenUsage)
    thoughts: str = ""
    tool_calls: tuple[ToolCall, ...] = ()
    files: tuple[File, ...] = ()
    finish_reason: str | None = None
    tool_rounds: tuple[ToolRound, ...] = ()
    complete: bool = True
    messages: tuple[ChatMessage, ...] = field(default=(), repr=False, compare=False)
    raw: Mapping[str, Any] = field(default_factory=dict, repr=False, compare=False)

    def __str__(self) -> str:
        return self.text

    def to_dict(self) -> dict[str, Any]:
        """The answer in plain JSON types: what there is of ``text``, ``model``, ``usage`` and the other fields.

        The body that came and the messages to go on with are left out.
        """
        members = {
            "thoughts": self.thoughts,
            "tool_calls": [call.to_wire() for call in self.tool_calls],
            "files": [{name: value for name, value in asdict(file).items() if value} for file in self.files],
            "finish_reason": self.finish_reason,
            "tool_rounds": [each.to_wire() for each in self.tool_rounds],
        }
        present = {name: value for name, value in members.items() if value}
        return {"text": self.text, "model": self.model, "usage": self.usage.to_dict(), **present}


@dataclass(frozen=True, slots=True)
class ParsedResult(ChatResult, Generic[T]):
    """An answer that was asked for in a form: ``parsed`` is it, checked. ``usage`` is that of all attempts."""

    _: KW_ONLY
    parsed: T
