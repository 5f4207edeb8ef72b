"""The exceptions of the server and the protocol, and the root of all."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from typing import ClassVar


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
        if not isinstance(text, str):
            raise TypeError(f"{type(self).__name__}: text must be a str, not {type(text).__name__}")
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
