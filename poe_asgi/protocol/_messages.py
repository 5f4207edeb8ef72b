"""A conversation: messages and what hangs on them (reference: the message object, attachments in requests).

The values are plain dataclasses under the wire's names; `_requests` reads them from outside data.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import KW_ONLY, MISSING, Field, dataclass, field, fields, is_dataclass, replace
from functools import cache
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias, TypeVar

from pydantic import BeforeValidator, FailFast
from pydantic_core import core_schema

from ._events import File, _require_str
from ._strict import strict

if TYPE_CHECKING:
    from pydantic import GetCoreSchemaHandler

T = TypeVar("T")

# Reading stops at the first wrong element: a report on each of a million would take gigabytes.
Array: TypeAlias = Annotated[tuple[T, ...], FailFast()]
Identifier: TypeAlias = Annotated[str, BeforeValidator(lambda value: "" if value is None else value)]


def _media_type(content_type: str) -> str:
    return content_type.partition(";")[0].strip().lower()


@dataclass(frozen=True, slots=True, kw_only=True)
class Attachment(File):
    """A file on a message. A received one can be yielded as the `File` it is.

    ``url`` is the raw file and valid for 10 minutes after Poe sent the request. ``parsed_content`` is the text Poe
    extracted, or its description of an image; it is under the user's control. ``inline_ref`` is only on files that a
    bot made. For a link, ``name`` is its address.
    """

    parsed_content: str | None = None

    def __post_init__(self) -> None:
        File.__post_init__(self)  # not super(): the class is made anew for its slots
        if self.parsed_content is not None:
            _require_str(self, parsed_content=self.parsed_content)

    @property
    def is_image(self) -> bool:
        """Whether this is of a type ``image/*``."""
        return _media_type(self.content_type).startswith("image/")

    @property
    def is_audio(self) -> bool:
        """Whether this is of a type ``audio/*``."""
        return _media_type(self.content_type).startswith("audio/")

    @property
    def is_video(self) -> bool:
        """Whether this is of a type ``video/*``."""
        return _media_type(self.content_type).startswith("video/")

    @property
    def is_text(self) -> bool:
        """Whether Poe can extract text of it: a type ``text/*``, links among them, or PDF."""
        media_type = _media_type(self.content_type)
        return media_type.startswith("text/") or media_type == "application/pdf"


class Attachments(tuple[Attachment, ...]):
    """The attachments of a message: a tuple, with the kinds at hand."""

    __slots__ = ()

    @classmethod
    def of(cls, files: Iterable[File]) -> Attachments:
        """These files as attachments; a plain `File` becomes one without parsed content."""
        return files if isinstance(files, cls) else cls(_attachment(file) for file in files)

    @property
    def images(self) -> Attachments:
        """Those of a type ``image/*``."""
        return Attachments(file for file in self if file.is_image)

    @property
    def texts(self) -> Attachments:
        """Those of a type ``text/*``, links among them, and PDF."""
        return Attachments(file for file in self if file.is_text)

    @property
    def audio(self) -> Attachments:
        """Those of a type ``audio/*``."""
        return Attachments(file for file in self if file.is_audio)

    @property
    def video(self) -> Attachments:
        """Those of a type ``video/*``."""
        return Attachments(file for file in self if file.is_video)

    @classmethod
    def __get_pydantic_core_schema__(cls, _: Any, handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
        return core_schema.no_info_after_validator_function(cls, handler.generate_schema(Array[Attachment]))


NO_ATTACHMENTS = Attachments()


def _attachment(file: File) -> Attachment:
    if isinstance(file, Attachment):
        return file
    if not isinstance(file, File):
        raise TypeError(f"An attachment must be a File, not {type(file).__name__}")
    return Attachment(url=file.url, name=file.name, content_type=file.content_type, inline_ref=file.inline_ref)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sender:
    """Who wrote a message: a user, or a bot, whose ``name`` is its handle."""

    id: str | None = None
    name: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """A user of a chat with several. ``name`` is there only when Poe may tell it; it can change and is not unique."""

    id: Identifier = ""
    name: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Feedback:
    """A thumb on a message: ``type`` is ``like``, ``dislike`` or one that may come later."""

    type: str
    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reaction:
    """A user's reaction: ``like``, ``dislike``, ``heart``, ``laughing``, ``surprised``, ``sad``; more may come."""

    user_id: Identifier = ""
    reaction: str


@strict
@dataclass(frozen=True, slots=True)
class Message:
    """One message of a conversation.

    ``role`` is ``system``, ``user``, ``bot`` or ``tool`` (never ``assistant``); received messages of other roles are
    left out. ``content_type`` is ``text/markdown`` or ``text/plain``; anything else received counts as plain text.
    ``timestamp`` is in microseconds since the epoch, 0 when unknown. ``metadata`` is what this very bot stored with
    `Data` on that answer, never another bot's. ``parameters`` holds the values of this bot's controls: any keys, any
    JSON types. ``message_type`` is ``function_call`` when ``content`` holds tool calls as JSON. ``referenced_message``
    is the one being replied to. ``sender_id`` is deprecated by Poe in favour of ``sender``.

    Any iterable of `File` will do for ``attachments``; it is kept as `Attachments`. An unknown argument raises
    ConfigurationError, a role or content that is no string TypeError.
    """

    role: str
    content: str
    _: KW_ONLY
    content_type: str = "text/markdown"
    timestamp: int = 0
    message_id: str = ""
    feedback: Array[Feedback] = ()
    attachments: Attachments = NO_ATTACHMENTS
    metadata: str | None = None
    parameters: dict[str, Any] = field(default_factory=dict, hash=False)
    message_type: str | None = None
    sender: Sender | None = None
    sender_id: str | None = None
    referenced_message: Message | None = None
    reactions: Array[Reaction] = ()

    def __post_init__(self) -> None:
        # A long history is made of a thousand of these, each in order already.
        if not (isinstance(self.role, str) and isinstance(self.content, str)):
            _require_str(self, role=self.role, content=self.content)
        if type(self.attachments) is not Attachments:
            object.__setattr__(self, "attachments", Attachments.of(self.attachments))

    def replace(self, **changes: Any) -> Message:
        """This message with other values in the fields named; an unknown name raises ConfigurationError."""
        return replace(self, **changes)

    def to_wire(self) -> dict[str, Any]:
        """This message as a plain JSON object; optional fields that are unset or empty are left out."""
        wire: dict[str, Any] = to_wire(self)
        return wire


def system(content: str) -> Message:
    """A message of role ``system``, to put before others that are sent to a bot."""
    return Message("system", content)


def user(content: str, *attachments: File) -> Message:
    """A message of role ``user``; its attachments are files uploaded before."""
    return Message("user", content, attachments=Attachments.of(attachments))


def assistant(content: str) -> Message:
    """A message of an answering bot; Poe calls this role ``bot``."""
    return Message("bot", content)


def to_wire(value: Any) -> Any:
    """A value of the protocol in plain JSON types; fields of a dataclass that are None or at their default stay out."""
    if isinstance(value, tuple):
        return [to_wire(item) for item in value]
    if not is_dataclass(value):
        return value
    cls: Any = type(value)
    return {
        name: to_wire(item)
        for name, default in _wire_fields(cls).items()
        if (item := getattr(value, name)) is not None and item != default
    }


@cache
def _wire_fields(cls: Any) -> dict[str, Any]:
    return {each.name: _default(each) for each in fields(cls)}


def _default(of: Field[Any]) -> Any:
    return of.default if of.default_factory is MISSING else of.default_factory()
