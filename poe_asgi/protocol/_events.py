"""The events of an answer (reference: the SSE events of a query answer).

A handler yields `Event` values; `Meta` is declared on the bot, errors are raised and `Done` is the server's. `Json` is
only ever received: Poe sends it to carry tool calls of a called bot.
"""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, AsyncIterable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, TypeAlias
from urllib.parse import quote

from pydantic import TypeAdapter

from ._strict import strict

if TYPE_CHECKING:
    from ._tool_rounds import ToolRound


# The characters of a URL that mean nothing to Markdown in the place of a link; "(" and ")" would end it.
_IN_A_LINK = "%!#$&'*+,/:;=?@[]~"


def _require_str(owner: object, **values: object) -> None:
    for name, value in values.items():
        if not isinstance(value, str):
            raise TypeError(f"{type(owner).__name__}: {name} must be a str, not {type(value).__name__}")


@dataclass(frozen=True, slots=True)
class Text:
    """Text appended to what the user sees. Yielding a plain ``str`` is the same."""

    kind: ClassVar[str] = "text"
    text: str

    def __post_init__(self) -> None:
        if not isinstance(self.text, str):
            _require_str(self, text=self.text)


@dataclass(frozen=True, slots=True)
class ReplaceResponse:
    """Discards all text of this answer so far and shows ``text`` instead."""

    kind: ClassVar[str] = "replace_response"
    text: str

    def __post_init__(self) -> None:
        if not isinstance(self.text, str):
            _require_str(self, text=self.text)


@dataclass(frozen=True, slots=True)
class SuggestedReply:
    """A reply offered to the user as a button; one event each, three at most look good."""

    kind: ClassVar[str] = "suggested_reply"
    text: str

    def __post_init__(self) -> None:
        if not isinstance(self.text, str):
            _require_str(self, text=self.text)


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """A file attached to the answer, or to a message sent to another bot.

    ``inline_ref`` names the file so that text sent *after* it can show it: ``![title][inline_ref]``.
    """

    kind: ClassVar[str] = "file"
    url: str
    name: str
    content_type: str
    inline_ref: str | None = None

    def __post_init__(self) -> None:
        _require_str(self, url=self.url, name=self.name, content_type=self.content_type)
        if self.inline_ref is not None:
            _require_str(self, inline_ref=self.inline_ref)

    @property
    def markdown(self) -> str:
        """Markdown that shows the file where it stands, after the file was sent; without ``inline_ref``, a link."""
        name = " ".join(re.sub(r"([\\\[\]`<])", r"\\\1", self.name).split())
        if self.inline_ref is not None:
            return f"![{name}][{self.inline_ref}]"
        return f"[{name}]({quote(self.url, safe=_IN_A_LINK, errors='replace')})"

    async def download(self, *, max_bytes: int = 52_428_800, seconds: float = 60) -> bytes:
        """The contents of the file; the URL of an attachment is valid for 10 minutes.

        Raises ExpiredUrlError, FileTooLargeError, and what else `poe_asgi.client.download` raises.
        """
        # The one call in this package that reaches the network. It stands here because a file is where one looks for
        # its contents, and the client is imported here because this package itself is free of I/O.
        from ..client import download

        return await download(self, max_bytes=max_bytes, seconds=seconds)


@dataclass(frozen=True, slots=True)
class Data:
    """A string stored with this answer; it comes back as that message's ``metadata`` in later queries to this bot."""

    kind: ClassVar[str] = "data"
    metadata: str

    def __post_init__(self) -> None:
        _require_str(self, metadata=self.metadata)

    @classmethod
    def dump(cls, value: Any = None, *, tool_rounds: Iterable[ToolRound] = ()) -> Data:
        """Data that `QueryContext.recall` reads back: a pydantic model, a dataclass, or plain JSON values.

        ``tool_rounds`` of a stream are kept with it; `QueryContext.prompt` puts them back into the conversation.
        """
        from ._tool_memory import with_rounds  # it knows messages, which know events

        return cls(with_rounds(TypeAdapter(type(value)).dump_json(value).decode(), tool_rounds))


@strict
@dataclass(frozen=True, slots=True, kw_only=True)
class Meta:
    """How Poe is to treat the answer. The server sends it first, at once, before the handler runs.

    ``content_type`` is ``text/markdown`` or ``text/plain``; ``suggested_replies`` asks Poe for its own suggestions.
    ``linkify`` (deprecated by Poe) and ``refetch_settings`` are sent only when set.
    """

    kind: ClassVar[str] = "meta"
    content_type: str = "text/markdown"
    suggested_replies: bool = False
    linkify: bool | None = None
    refetch_settings: bool | None = None

    def __post_init__(self) -> None:
        _require_str(self, content_type=self.content_type)


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorEvent:
    """The end of an answer by failure. ``allow_retry`` is true when absent on the wire.

    ``rule`` is the id of the rule or limit that an own answer was ended by. It does not go out.
    """

    kind: ClassVar[str] = "error"
    text: str
    allow_retry: bool = True
    error_type: str | None = None
    rule: str | None = field(default=None, repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class Done:
    """The end of every answer."""

    kind: ClassVar[str] = "done"


@dataclass(frozen=True, slots=True)
class Json:
    """An arbitrary object, received from a called bot: OpenAI-style chunks of tool calls."""

    kind: ClassVar[str] = "json"
    data: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Unknown:
    """An event of a type this version does not know; ignored, as the protocol asks."""

    type: str
    data: Mapping[str, Any] = field(default_factory=dict)


Event: TypeAlias = Text | ReplaceResponse | SuggestedReply | File | Data
StreamEvent: TypeAlias = Event | Meta | ErrorEvent | Done | Json | Unknown
Item: TypeAlias = "str | Event | AsyncIterable[Item | Json]"
Answer: TypeAlias = AsyncGenerator[Item, None]
