"""The body of a request, within the limits of size and time."""

from __future__ import annotations

from .._clock import current_clock, until
from ..protocol import Limits
from ._starlette import Receive, Scope


class RefusedError(Exception):
    """A request is not accepted: the status, the sentence that says why, and headers to go with it."""

    def __init__(self, status: int, message: str, headers: dict[str, str] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.headers = headers


async def read_body(scope: Scope, receive: Receive, limits: Limits) -> bytes:
    """The body. Raises RefusedError when it is too large or too slow, or does not come to its end."""
    too_large = RefusedError(413, f"The request is larger than {limits.body_bytes:,} bytes.")
    length = next((value for name, value in scope["headers"] if name == b"content-length"), b"0")
    if length.isdigit() and int(length[:20]) > limits.body_bytes:  # int() refuses 5,000 digits
        raise too_large
    deadline = current_clock().time() + limits.body_seconds
    chunks: list[bytes] = []
    size = 0
    while True:
        try:
            message = await until(deadline, receive())
        except TimeoutError:
            raise RefusedError(408, f"The request did not arrive within {limits.body_seconds:g} seconds.") from None
        if message["type"] == "http.disconnect":
            raise RefusedError(400, "The request did not arrive in full.")
        chunks.append(message.get("body", b""))
        size += len(chunks[-1])
        if size > limits.body_bytes:
            raise too_large
        if not message.get("more_body", False):
            return b"".join(chunks)
