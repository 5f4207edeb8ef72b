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

BODY_BYTES = 16_384  # of an error's body are read

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
    meanings: Mapping[int, type[UpstreamError]] = MappingProxyType({}),
) -> UpstreamError:
    """The error for an answer with this status, to a call described by ``what`` (without any key).

    ``meanings`` has the statuses that mean something else to this call than to a query.
    """
    text = body.decode("utf-8", "replace")
    try:
        parsed = json.loads(text)
    except (ValueError, RecursionError):
        parsed = None
    message, kind, code = error_members(parsed)
    cls = meanings.get(status) or _BY_STATUS.get(status)
    if cls is None and status >= 500:
        cls = OverloadedError
    elif cls is None and status >= 400:
        cls = _BY_TYPE.get(code, InvalidCallError) if code == "model_not_found" else InvalidCallError
    return (cls or InvalidResponseError)(
        f"{what} failed with HTTP {status}" + (f": {message.rstrip('.')}." if message else "."),
        status=status,
        body=text,
        error_type=kind or code or None,
        request_id=headers.get("x-request-id"),
        retry_after=retry_after(headers),
    )


def failure_in_stream(what: str, error: Any) -> UpstreamError:
    """The error for an error object that came inside a stream, where there is no status."""
    message, kind, code = error_members(error if isinstance(error, dict) and "error" in error else {"error": error})
    cls = _BY_TYPE.get(kind) or _BY_TYPE.get(code) or OverloadedError
    return cls(f"{what} failed: {(message or 'no reason given').rstrip('.')}.", error_type=kind or code or None)


def error_members(parsed: Any) -> tuple[str, str, str]:
    """(message, type, code) of an error body of any shape; ``""`` for what is not there."""
    if not isinstance(parsed, dict):
        return "", "", ""
    error = parsed.get("error")
    if isinstance(error, str):  # OAuth: {"error": code, "error_description": message}
        return _text(parsed.get("error_description")) or error, error, error
    if not isinstance(error, dict):
        return _text(parsed.get("message")), "", ""
    return _text(error.get("message")), _text(error.get("type")), _text(error.get("code"))


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds to wait, where the answer says so; a date is not understood."""
    try:
        seconds = float(headers.get("retry-after", ""))
    except ValueError:
        return None
    return seconds if 0 <= seconds < 86_400 else None


def _text(value: Any) -> str:
    return value[:500] if isinstance(value, str) else ""
