"""What can go wrong with a call to Poe: one class a cause."""

from __future__ import annotations

from typing import ClassVar

from ._errors import PoeASGIError


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


class StructuredOutputError(UpstreamError):
    """No answer of the model fits the form it was asked for; ``text`` is the last one."""

    def __init__(self, message: str, *, text: str) -> None:
        super().__init__(message)
        self.text = text


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
