"""What `FakePoe` writes down of each call. No record holds a key: only its fingerprint, and whether it was accepted."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from ..protocol import QueryRequest, Settings

if TYPE_CHECKING:
    from ._played import Played

_SECRETS = frozenset({"authorization", "x-api-key", "cookie", "proxy-authorization"})


def fingerprint(key: str) -> str:
    """Eight hexadecimal digits that tell one key from another; ``""`` for no key."""
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()[:8] if key else ""


def without_secrets(headers: Mapping[str, str]) -> dict[str, str]:
    """The headers that hold no key."""
    return {name: value for name, value in headers.items() if name not in _SECRETS}


def without_keys(body: Mapping[str, Any]) -> dict[str, Any]:
    """A body whose ``access_key`` and ``api_key`` are replaced by their fingerprints."""
    keys = {name: fingerprint(str(body[name])) for name in ("access_key", "api_key") if name in body}
    return {**body, **keys}


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A call of a bot (``surface`` is ``bot``) or of a model (``chat``), refused ones too.

    ``request`` is the query; one of the chat API is put into the protocol's terms. ``number`` counts the calls of this
    bot from 1. ``key`` is the fingerprint of the key, ``""`` without one.
    """

    bot: str
    surface: Literal["bot", "chat"]
    number: int
    request: QueryRequest
    body: Mapping[str, Any] = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)
    key: str = ""
    key_accepted: bool = True

    @property
    def text(self) -> str:
        """The newest message of role user; ``""`` if there is none."""
        return next((message.content for message in reversed(self.request.query) if message.role == "user"), "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Amount:
    """One position of a charge: 100,000 milli-cents are one US dollar."""

    milli_cents: int
    description: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ChargeCall:
    """An authorization or a capture, and how it was answered: ``success``, another status, or None."""

    kind: Literal["authorize", "capture"]
    bot_query_id: str
    amounts: tuple[Amount, ...]
    status: str | None
    key: str = ""

    @property
    def milli_cents(self) -> int:
        """All amounts together."""
        return sum(amount.milli_cents for amount in self.amounts)


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadCall:
    """A file that was uploaded, served at ``url``. One given by ``download_url`` is not fetched from the network."""

    url: str
    name: str
    content_type: str
    content: bytes = field(repr=False)
    download_url: str | None = None
    key: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SettingsCall:
    """Settings that were fetched from a bot, or pushed. ``stored`` is what Poe made of them.

    ``dropped`` says what it dropped, and why, in the words of a log line; ``""`` if nothing.
    """

    bot: str
    kind: Literal["fetch", "update"]
    body: Mapping[str, Any]
    stored: Settings
    dropped: str = ""
    key: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PointsEntry:
    """One line of the points history; ``creation_time`` is in microseconds since the epoch."""

    bot_name: str
    query_id: str
    cost_points: int
    creation_time: int
    usage_type: str = "API"


@dataclass(slots=True)
class Records:
    """Everything that happened, oldest first."""

    calls: list[Call] = field(default_factory=list)
    charges: list[ChargeCall] = field(default_factory=list)
    uploads: list[UploadCall] = field(default_factory=list)
    settings: list[SettingsCall] = field(default_factory=list)
    points: list[PointsEntry] = field(default_factory=list)
    played: list[Played] = field(default_factory=list)
