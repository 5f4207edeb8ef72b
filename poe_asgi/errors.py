"""The exceptions of poe-asgi.

PoeASGIError
├── ConfigurationError            the bot or the app is put together wrongly; raised while building or starting
├── AnswerError                   raised by a handler: ends the answer, its text is shown to the user
│   └── UserMessageTooLongError, InsufficientFundError, UserCausedError, PrivacyAuthorizationError
├── UpstreamError                 a call to Poe failed
│   ├── InvalidKeyError, NoCreditsError, ForbiddenError, UnknownBotError, UndeclaredDependencyError, InvalidCallError
│   ├── RateLimitedError, OverloadedError, ConnectionFailedError, TruncatedStreamError, InvalidResponseError
│   ├── BotError, FileTooLargeError, ExpiredUrlError, UnsafeUrlError
│   └── UpstreamTimeoutError: ConnectTimeoutError, FirstEventTimeoutError, IdleTimeoutError, TotalTimeoutError
├── ToolError                     raised by a tool: what the model is told
└── ProtocolError                 a stream or a request breaks the protocol
    ├── RequestError, SSEError    what came cannot be read or accepted
    └── ResponseError, LimitError an event that may not be sent now, or does not fit into the limits
"""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from typing import ClassVar

__all__ = [
    "AnswerError",
    "BotError",
    "ConfigurationError",
    "ConnectTimeoutError",
    "ConnectionFailedError",
    "ExpiredUrlError",
    "FileTooLargeError",
    "FirstEventTimeoutError",
    "ForbiddenError",
    "IdleTimeoutError",
    "InsufficientFundError",
    "InvalidCallError",
    "InvalidKeyError",
    "InvalidResponseError",
    "LimitError",
    "NoCreditsError",
    "OverloadedError",
    "PoeASGIError",
    "PrivacyAuthorizationError",
    "ProtocolError",
    "RateLimitedError",
    "RequestError",
    "ResponseError",
    "SSEError",
    "ToolError",
    "TotalTimeoutError",
    "TruncatedStreamError",
    "UndeclaredDependencyError",
    "UnknownBotError",
    "UnsafeUrlError",
    "UpstreamError",
    "UpstreamTimeoutError",
    "UserCausedError",
    "UserMessageTooLongError",
    "did_you_mean",
]


class PoeASGIError(Exception):
    """The root of every exception this package defines."""


class ConfigurationError(PoeASGIError):
    """A bot, a value given to it, or an app is put together wrongly. The message names the fix."""


class AnswerError(PoeASGIError):
    """Raised by a handler: the answer ends, and ``text`` is what the user reads.

    ``allow_retry`` says whether Poe may send the same query again; leave it false when the handler has side effects.
    ``error_type`` is one of Poe's error types (an open set); the subclasses set it.
    """

    default_error_type: ClassVar[str | None] = None

    def __init__(self, text: str, *, allow_retry: bool = False, error_type: str | None = None) -> None:
        super().__init__(text)
        self.text = text
        self.allow_retry = allow_retry
        self.error_type = error_type if error_type is not None else self.default_error_type


class UserMessageTooLongError(AnswerError):
    """The newest user message is too long for this bot; Poe shows its own matching error."""

    default_error_type = "user_message_too_long"


class InsufficientFundError(AnswerError):
    """The user lacks points; Poe shows its out-of-points handling."""

    default_error_type = "insufficient_fund"

    def __init__(
        self,
        text: str = "You do not have enough points for this.",
        *,
        allow_retry: bool = False,
        error_type: str | None = None,
    ) -> None:
        super().__init__(text, allow_retry=allow_retry, error_type=error_type)


class UserCausedError(AnswerError):
    """The user's input is invalid; Poe shows it as the user's error."""

    default_error_type = "user_caused_error"


class PrivacyAuthorizationError(AnswerError):
    """The user has not allowed the data sharing this bot needs."""

    default_error_type = "privacy_authorization_error"


class UpstreamError(PoeASGIError):
    """A call to Poe, or to a bot on it, failed.

    ``status`` is the HTTP status if there was an answer; ``body`` the first 2,000 characters of it; ``error_type``,
    ``request_id`` and ``retry_after`` (seconds) are what it said, where it said so. ``allow_retry`` says whether the
    same call may succeed later. The message ends with a hint that names the fix; it never holds a key.
    """

    default_allow_retry: ClassVar[bool] = False
    hint: ClassVar[str] = ""

    def __init__(
        self,
        message: str,
        *,
        status: int | None = None,
        body: str = "",
        error_type: str | None = None,
        request_id: str | None = None,
        retry_after: float | None = None,
        allow_retry: bool | None = None,
    ) -> None:
        super().__init__(f"{message} {self.hint}".rstrip())
        self.status = status
        self.body = body[:2000]
        self.error_type = error_type
        self.request_id = request_id
        self.retry_after = retry_after
        self.allow_retry = self.default_allow_retry if allow_retry is None else allow_retry


class InvalidKeyError(UpstreamError):
    """Poe refused the key (401)."""

    hint = "Use the access key of the bot's page at Poe inside a bot, or an API key from poe.com/api/keys elsewhere."


class NoCreditsError(UpstreamError):
    """The account behind the key has no points left (402)."""

    hint = "Buy points, or use another account's key."


class ForbiddenError(UpstreamError):
    """Poe refused the call (403): moderation, or something this key may not do."""


class UnknownBotError(UpstreamError):
    """There is no such bot or model (404, or 400 with a model's name)."""

    hint = "Check the spelling of its handle; private bots cannot be called."


class UndeclaredDependencyError(UpstreamError):
    """The bot that was called is not declared, or was called more often than declared."""

    hint = "Declare it, `bot.uses(name, calls=n)`, and push the settings."


class InvalidCallError(UpstreamError):
    """Poe does not accept what was sent (400, 413, 422 and the like)."""


class RateLimitedError(UpstreamError):
    """Too many calls (429); ``retry_after`` says when to try again, if Poe did."""

    default_allow_retry = True


class OverloadedError(UpstreamError):
    """Poe or the provider behind it is overloaded or failing (5xx)."""

    default_allow_retry = True


class BotError(UpstreamError):
    """The bot that was called ended its answer with an `error` event; ``text`` is what it says to the user."""

    def __init__(self, text: str, *, allow_retry: bool = True, error_type: str | None = None) -> None:
        super().__init__(text, allow_retry=allow_retry, error_type=error_type)
        self.text = text


class TruncatedStreamError(UpstreamError):
    """The answer stopped without `done`: the connection broke, or the bot did."""

    default_allow_retry = True


class InvalidResponseError(UpstreamError):
    """What came back is not what the protocol says: no event stream, too large, not JSON."""


class ConnectionFailedError(UpstreamError):
    """No connection, or one that broke before an answer came."""

    default_allow_retry = True


class UpstreamTimeoutError(UpstreamError):
    """Something took too long."""

    default_allow_retry = True


class ConnectTimeoutError(UpstreamTimeoutError):
    """No connection in time."""


class FirstEventTimeoutError(UpstreamTimeoutError):
    """No event of the answer in time."""


class IdleTimeoutError(UpstreamTimeoutError):
    """The answer went silent; pings do not count as life."""


class TotalTimeoutError(UpstreamTimeoutError):
    """The whole answer took too long."""


class FileTooLargeError(UpstreamError):
    """A file is larger than Poe takes, or than a download may be."""


class ExpiredUrlError(UpstreamError):
    """The URL of a file on Poe is no longer valid (403, 404 or 410)."""


class UnsafeUrlError(UpstreamError):
    """A URL that is not fetched: neither http nor https, or one that leads to an address which is not public."""


class ToolError(PoeASGIError):
    """Raised by a tool that a model called: the model reads the message, and may try again in another way.

    Of any other exception it reads the class alone: messages can hold what is nobody's business.
    """


class ProtocolError(PoeASGIError):
    """Something sent or received breaks the Poe protocol."""


class RequestError(ProtocolError):
    """A request body that cannot be accepted.

    ``fields`` lists what is wrong as (path, message) pairs, the path in the form ``query.0.role``; empty when
    the body is not readable at all.
    """

    def __init__(self, message: str, fields: tuple[tuple[str, str], ...] = ()) -> None:
        super().__init__(message)
        self.fields = fields


class SSEError(ProtocolError):
    """Bytes that cannot be read as server-sent events within the reader's bounds."""


class ResponseError(ProtocolError):
    """An event that may not be sent now; ``rule`` is the id of the rule it would break."""

    def __init__(self, rule: str, message: str) -> None:
        super().__init__(message)
        self.rule = rule


class LimitError(ResponseError):
    """An event that does not fit into the limits. ``fits`` is the part of the text that still does."""

    def __init__(self, rule: str, message: str, *, fits: str = "") -> None:
        super().__init__(rule, message)
        self.fits = fits


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """`` Did you mean 'x'?`` when one of ``known`` is close to ``name``, else ``""``; to end a message with."""
    close = get_close_matches(name, list(known), n=1)
    return f" Did you mean {close[0]!r}?" if close else ""
