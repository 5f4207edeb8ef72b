"""From an HTTP answer that is no success to the error that names its cause.

Poe's surfaces have at least six shapes of error bodies, so the status decides, then ``type``, then ``code``.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from ..errors import (
    ForbiddenError,
    InvalidCallError,
    InvalidKeyError,
    InvalidResponseError,
    NoCreditsError,
    OverloadedError,
    RateLimitedError,
    UnknownBotError,
    UpstreamError,
    UpstreamTimeoutError,
)
from ..protocol import one_line

BODY_BYTES = 16_384  # of an error's body are read
_LONGEST = 500  # characters of what it says

_BY_STATUS: dict[int, type[UpstreamError]] = {
    401: InvalidKeyError,
    402: NoCreditsError,
    403: ForbiddenError,
    404: UnknownBotError,
    408: UpstreamTimeoutError,
    429: RateLimitedError,
}
_BY_TYPE: dict[str, type[UpstreamError]] = {
    "authentication_error": InvalidKeyError,
    "invalid_api_key": InvalidKeyError,
    "insufficient_credits": NoCreditsError,
    "insufficient_quota": NoCreditsError,
    "insufficient_points": NoCreditsError,
    "moderation_error": ForbiddenError,
    "not_found_error": UnknownBotError,
    "model_not_found": UnknownBotError,
    "rate_limit_error": RateLimitedError,
    "rate_limit_exceeded": RateLimitedError,
    "timeout_error": UpstreamTimeoutError,
    "overloaded_error": OverloadedError,
    "provider_error": OverloadedError,
    "upstream_error": OverloadedError,
    "api_error": OverloadedError,
    "internal_error": OverloadedError,
    "invalid_request_error": InvalidCallError,
    "request_too_large": InvalidCallError,
}


def failure(
    what: str,
    status: int,
    headers: Mapping[str, str],
    body: bytes,
    *,
    secret: str = "",
    meanings: Mapping[int, type[UpstreamError]] = MappingProxyType({}),
) -> UpstreamError:
    """The error for an answer with this status, to a call described by ``what`` (without any key).

    ``secret`` is taken out of what came back. ``meanings`` has the statuses that mean something else to this call than
    to a query.
    """
    text = blotted(body.decode("utf-8", "replace"), secret)
    try:
        parsed = json.loads(text)
    except (ValueError, RecursionError):
        parsed = None
    message, kind, code = error_members(parsed, secret)
    cls = meanings.get(status) or _of_status(status, code)
    message = message.rstrip(".")
    return (cls or InvalidResponseError)(
        f"{what} failed with HTTP {status}" + (f": {message}." if message else "."),
        status=status,
        body=text,
        error_type=kind or code or None,
        request_id=headers.get("x-request-id"),
        retry_after=retry_after(headers),
    )


def failure_in_stream(what: str, error: Any, *, body: str = "", secret: str = "") -> UpstreamError:
    """The error for an error object that came inside a stream, where there is no status but maybe one in its code.

    ``body`` is the object as it came; ``secret`` is taken out of both.
    """
    shown = error if isinstance(error, dict) and "error" in error else {"error": error}
    message, kind, code = error_members(shown, secret)
    number = shown["error"].get("code") if isinstance(shown["error"], dict) else None
    by_number = _of_status(number, code) if type(number) is int else None
    cls = _BY_TYPE.get(kind) or _BY_TYPE.get(code) or by_number or OverloadedError
    message = (message or "no reason given").rstrip(".")
    return cls(f"{what} failed: {message}.", body=blotted(body, secret), error_type=kind or code or None)


def blotted(text: str, secret: str) -> str:
    """The text without a secret that it may repeat."""
    return text.replace(secret, "[key]") if secret else text


def error_members(parsed: Any, secret: str = "") -> tuple[str, str, str]:
    """(message, type, code) of an error body of any shape; ``""`` for what is not there.

    Each is a line of bounded length, without the secret.
    """
    message, kind, code = (_line(each, secret) for each in _members(parsed))
    return message, kind, code


def _members(parsed: Any) -> tuple[Any, Any, Any]:
    if not isinstance(parsed, dict):
        return "", "", ""
    error = parsed.get("error")
    if isinstance(error, str):  # OAuth: {"error": code, "error_description": message}
        return parsed.get("error_description") or error, error, error
    if not isinstance(error, dict):
        return parsed.get("message") or _detail(parsed.get("detail")), "", ""
    return error.get("message"), error.get("type"), error.get("code")


def _detail(detail: Any) -> Any:
    """What servers made with FastAPI say, in a text or in a list of what is wrong."""
    if not isinstance(detail, list):
        return detail
    return "; ".join(each["msg"] for each in detail if isinstance(each, dict) and isinstance(each.get("msg"), str))


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds to wait, where the answer says so; a date is not understood."""
    try:
        seconds = float(headers.get("retry-after", ""))
    except ValueError:
        return None
    return seconds if 0 <= seconds < 86_400 else None


def _of_status(status: int, code: str) -> type[UpstreamError] | None:
    """What a status stands for; None for one that is no error."""
    if status in _BY_STATUS:
        return _BY_STATUS[status]
    if status >= 500:
        return OverloadedError
    if status >= 400:
        return UnknownBotError if code == "model_not_found" else InvalidCallError
    return None


def _line(value: Any, secret: str) -> str:
    return one_line(blotted(value, secret))[:_LONGEST] if isinstance(value, str) else ""  # cut last: a part tells, too
