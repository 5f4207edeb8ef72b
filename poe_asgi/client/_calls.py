"""One call and its whole answer: in bounded time, of bounded size, and tried again where that is right."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any
from urllib.parse import quote

from .._clock import current_clock, until
from ..errors import (
    InvalidCallError,
    InvalidResponseError,
    RequestError,
    SSEError,
    UpstreamError,
    UpstreamTimeoutError,
)
from ..protocol import ServerSentEvent, SSEParser, parse_json_object
from ._attempts import retried
from ._connection import Connection
from ._failures import failure
from ._http import HttpRequest, HttpResponse, read_bounded

BODY_BYTES = 16 * 2**20
"""Of a body that is read whole; a list of models has less than one."""

# Where no bot is called, a 404 says nothing about a bot.
_MEANINGS: Mapping[int, type[UpstreamError]] = MappingProxyType({404: InvalidCallError})


@dataclass(frozen=True, slots=True)
class Answered:
    """An answer that has been read. Its repr leaves out the body, which may repeat a key."""

    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)


async def call(
    connection: Connection,
    request: HttpRequest,
    what: str,
    *,
    seconds: float,
    enough: Callable[[bytes], bool] = lambda _: False,
) -> Answered:
    """The whole answer to one request, which ``what`` describes in errors; of an event stream what is ``enough``.

    It may take ``seconds``, and no more than the client's total. Raises UpstreamTimeoutError, InvalidResponseError for
    a body that is too large, and what the transport raises.
    """
    seconds = min(seconds, connection.timeouts.total)
    deadline = current_clock().time() + seconds
    try:
        response = await until(deadline, connection.transport().send(request))
        try:
            body = await until(deadline, _read(response, enough))
        finally:
            await response.aclose()
    except TimeoutError:
        raise UpstreamTimeoutError(f"{what}: no answer within {seconds:g} s.") from None
    if len(body) > BODY_BYTES:
        raise InvalidResponseError(f"{what}: the answer is larger than {BODY_BYTES:,} bytes.", status=response.status)
    return Answered(response.status, response.headers, body)


async def _read(response: HttpResponse, enough: Callable[[bytes], bool]) -> bytes:
    is_stream = response.headers.get("content-type", "").lower().startswith("text/event-stream")
    if not is_stream:
        return await read_bounded(response, BODY_BYTES + 1)
    body = bytearray()
    async for chunk in response.chunks():
        body += chunk
        if len(body) > BODY_BYTES or enough(bytes(body)):
            break
    return bytes(body)


def json_object(answered: Answered, what: str) -> dict[str, Any]:
    """The JSON object of a body. Raises InvalidResponseError when it is none."""
    try:
        return parse_json_object(answered.body)
    except RequestError:
        pass
    raise InvalidResponseError(f"{what}: the answer is not a JSON object.", status=answered.status)


async def get_json(
    connection: Connection, url: str, what: str, *, headers: Mapping[str, str], seconds: float
) -> dict[str, Any]:
    """The JSON object at a URL of Poe's API. Raises UpstreamError."""
    request = HttpRequest(
        method="GET",
        url=url,
        headers=headers,
        connect_seconds=connection.timeouts.connect,
    )

    async def attempt() -> dict[str, Any]:
        answered = await call(connection, request, what, seconds=seconds)
        if answered.status != 200:
            secret = headers.get("authorization", "").removeprefix("Bearer ")
            raise refused(what, answered, secret=secret)
        return json_object(answered, what)

    return await retried(connection.retry, what, attempt)


def server_sent(body: bytes, *, whole: bool = True) -> list[ServerSentEvent]:
    """The events of a body; none when it is no event stream. One that is not ``whole`` may end within an event."""
    try:
        return SSEParser().feed(body + b"\n\n" if whole else body)
    except SSEError:
        return []


def refused(
    what: str,
    answered: Answered,
    *,
    secret: str = "",
    meanings: Mapping[int, type[UpstreamError]] = _MEANINGS,
) -> UpstreamError:
    """The error for an answer that is no success, whatever the shape of its body: JSON, an event stream, or text.

    ``secret`` is taken out of all that came back.
    """
    body = without(answered.body, secret)
    message = _said(body)
    shown = json.dumps({"message": message}).encode() if message else body
    error = failure(what, answered.status, answered.headers, shown, secret=secret, meanings=meanings)
    error.body = body.decode("utf-8", "replace")[:2000]
    return error


def without(body: bytes, secret: str) -> bytes:
    """The body, with a secret blotted out in its plain and in its quoted form."""
    for form in {secret, quote(secret, safe="")} - {""}:
        body = body.replace(form.encode("utf-8", "replace"), b"[key]")
    return body


def _said(body: bytes) -> str:
    """What a body says that is no JSON object."""
    try:
        parse_json_object(body)
    except RequestError:
        pass
    else:
        return ""
    messages = [message for event in server_sent(body) if (message := _message(event.data))]
    if messages:
        return " ".join(messages)
    text = " ".join(body[:2000].decode("utf-8", "replace").split())
    return "" if text.startswith("<") else text[:500]  # not the page of some proxy


def _message(data: str) -> str:
    try:
        message = parse_json_object(data.encode()).get("message")
    except RequestError:
        return ""
    return message if isinstance(message, str) else ""
