"""Errors as Poe's surfaces word them (reference: errors; body shapes A to E), and outages that a test orders."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, TypeAlias

from ..errors import ConfigurationError
from ._asgi import HttpAnswer

Surface: TypeAlias = Literal["bot", "chat", "models", "upload", "cost", "settings", "usage"]
SURFACES: tuple[Surface, ...] = ("bot", "chat", "models", "upload", "cost", "settings", "usage")
WITH_KEY = tuple(surface for surface in SURFACES if surface != "models")
Shape: TypeAlias = Literal["A", "B", "C", "D", "E", "sse", "text"]

# (type of shape A, type and code of shape B)
_WORDS: dict[int, tuple[str, str, str]] = {
    400: ("invalid_request_error", "invalid_request_error", "invalid_parameter"),
    401: ("authentication_error", "invalid_request_error", "invalid_api_key"),
    402: ("insufficient_credits", "insufficient_quota", "insufficient_points"),
    403: ("moderation_error", "invalid_request_error", "forbidden"),
    404: ("not_found_error", "invalid_request_error", "model_not_found"),
    408: ("timeout_error", "api_error", "timeout"),
    413: ("request_too_large", "invalid_request_error", "request_too_large"),
    429: ("rate_limit_error", "rate_limit_error", "rate_limit_exceeded"),
    500: ("provider_error", "api_error", "internal_error"),
    502: ("upstream_error", "api_error", "internal_error"),
}
_OTHER = ("overloaded_error", "api_error", "internal_error")


def http_error(
    status: int,
    message: str = "",
    *,
    shape: Shape = "A",
    type: str | None = None,  # noqa: A002
    code: str | None = None,
    param: str | None = None,
    retry_after: float | None = None,
    headers: Mapping[str, str] | None = None,
) -> HttpAnswer:
    """An error in one of Poe's shapes; ``type`` and ``code`` are those of the status unless given.

    ``A`` (compatible API), ``B`` (API reference), ``C`` (as recorded live), ``D`` (message alone), ``E`` (Anthropic's),
    ``sse`` (an event with the message, as of the cost API) and ``text``. ``retry_after`` is in seconds.
    """
    message = message or f"This is HTTP {status}."
    kind_a, kind_b, code_b = _WORDS.get(status, _OTHER)
    body: dict[str, Any]
    match shape:
        case "A":
            body = {"error": {"code": code or status, "type": type or kind_a, "message": message, "metadata": {}}}
        case "B":
            body = {"error": {"message": message, "type": type or kind_b, "code": code or code_b}}
        case "C":
            extra = {name: value for name, value in (("param", param), ("code", code)) if value is not None}
            body = {"error": {"message": message, "type": type or kind_a, **extra}}
        case "D":
            body = {"error": {"message": message}}
        case "E":
            body = {"type": "error", "error": {"type": type or kind_a, "message": message}}
        case "sse":
            body = {"message": message}
        case "text":
            body = {}
        case _:
            raise ConfigurationError(f"{shape!r} is no shape of an error: A, B, C, D, E, sse or text.")
    answer = HttpAnswer(status, body=json.dumps(body).encode("ascii"), headers=dict(headers or {}))
    if shape == "text":
        answer = replace(answer, body=message.encode(), content_type="text/plain; charset=utf-8")
    if shape == "sse":
        framed = b"event: error\r\ndata: " + answer.body + b"\r\n\r\n"
        answer = replace(answer, body=framed, content_type="text/event-stream")
    if retry_after is not None:
        answer = replace(answer, headers={**answer.headers, "retry-after": f"{retry_after:g}"})
    return answer


def not_found(what: str) -> HttpAnswer:
    """404 in Poe's words."""
    return http_error(404, f"There is no {what}.")


class RefusedError(Exception):
    """A surface refuses a request, with this answer."""

    def __init__(self, answer: HttpAnswer) -> None:
        super().__init__(answer.status)
        self.answer = answer


@dataclass(slots=True)
class _Outage:
    answer: HttpAnswer
    surfaces: frozenset[str]
    left: int | None  # None: until it is over


class Outages:
    """Answers that come instead of the scripted ones."""

    def __init__(self) -> None:
        self._outages: list[_Outage] = []

    def add(self, answer: HttpAnswer, *, on: Sequence[Surface], times: int | None) -> None:
        """For the next ``times`` calls (None: all) of these surfaces (none given: any)."""
        for surface in on:
            if surface not in SURFACES:
                raise ConfigurationError(f"{surface!r} is no surface: {', '.join(SURFACES)}.")
        self._outages.append(_Outage(answer, frozenset(on or SURFACES), times))

    def take(self, surface: Surface) -> HttpAnswer | None:
        """What this call fails with, if it does."""
        for outage in self._outages:
            if surface in outage.surfaces and outage.left != 0:
                if outage.left is not None:
                    outage.left -= 1
                return outage.answer
        return None

    def clear(self) -> None:
        """All is well again."""
        self._outages.clear()
