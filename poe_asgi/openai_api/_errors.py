"""Errors as this API words them: a status, and a body with ``message``, ``type``, ``param`` and ``code``."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass, field
from typing import Any

from ..protocol import ErrorEvent
from ..server import ADMISSION_LIMITS
from ..server._starlette import Response, json_response

# Of an error before the answer; what each of Poe's error types means is in the protocol.
_STATUSES = {
    "user_message_too_long": 413,
    "insufficient_fund": 402,
    "user_caused_error": 400,
    "privacy_authorization_error": 403,
}
_TYPES = {
    400: "invalid_request_error",
    401: "authentication_error",
    402: "insufficient_credits",
    403: "moderation_error",
    404: "not_found_error",
    405: "invalid_request_error",
    408: "timeout_error",
    413: "request_too_large",
    415: "invalid_request_error",
    429: "rate_limit_error",
    500: "provider_error",
    503: "overloaded_error",
}


@dataclass(frozen=True, slots=True)
class ApiError:
    """One error; ``param`` is the field of the request that is wrong, ``code`` a word for programs."""

    status: int
    message: str
    _: KW_ONLY
    param: str | None = None
    code: str | None = None
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def body(self) -> dict[str, Any]:
        """The body of the answer, and the object of an error within a stream."""
        error = {"message": self.message, "type": _TYPES.get(self.status, "api_error"), "param": self.param}
        return {"error": {**error, "code": self.code}}

    def response(self) -> Response:
        """The error as an answer."""
        return json_response(self.body, self.status, self.headers)

    @classmethod
    def of_answer(cls, error: ErrorEvent) -> ApiError:
        """What an answer ended with.

        Clients of this API try again by themselves on 408 and from 500, so they are told whether they may.
        """
        if error.rule == "time-limit":
            status = 408
        elif error.rule in ADMISSION_LIMITS:
            status = 429
        else:
            status = _STATUSES.get(error.error_type or "", 503 if error.allow_retry else 500)
        headers = {"x-should-retry": "true" if error.allow_retry else "false"}
        return cls(status, error.text, code=error.error_type or error.rule, headers=headers)


class RefusedError(Exception):
    """A request that is not accepted."""

    def __init__(
        self,
        status: int,
        message: str,
        *,
        param: str | None = None,
        code: str | None = None,
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.error = ApiError(status, message, param=param, code=code, headers=headers or {})


def invalid(message: str, param: str, *, missing: bool = False) -> RefusedError:
    """400 for a field that is wrong, or missing."""
    return RefusedError(400, message, param=param, code="missing_parameter" if missing else "invalid_parameter")
