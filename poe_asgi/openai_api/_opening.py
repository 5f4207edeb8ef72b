"""The beginning of an answer: the status waits until it is known whether the answer fails at once."""

from __future__ import annotations

from ..server._outlet import Message
from ..server._starlette import Send
from ._wires import CompletionWire

_CLIENT_LEFT = 499  # as in the logs of proxies


class Opening:
    """``send`` for the response of an answer. Nothing leaves before the wire has something."""

    def __init__(self, send: Send, wire: CompletionWire) -> None:
        self._send = send
        self._wire = wire
        self._start: Message = {}

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._start = message
            return
        if not self._wire.opened:
            if not message["body"] and message["more_body"]:
                return
            self._wire.opened = True
            await self._send(self._begun(len(message["body"])))
        await self._send(message)

    async def close(self) -> None:
        """The answer is over. One whose reader left before it began is closed with a status that nobody reads.

        Middleware takes an app that says nothing at all for a broken one.
        """
        if not self._wire.opened and self._start:
            self._wire.opened = True
            await self._send({**self._start, "status": _CLIENT_LEFT, "headers": []})
            await self._send({"type": "http.response.body", "body": b""})

    def _begun(self, length: int) -> Message:
        failure = self._wire.failure
        if failure is None and self._wire.media_type == "text/event-stream":
            return self._start
        kept = [(name, value) for name, value in self._start["headers"] if name == b"cache-control"]
        more = {"content-type": "application/json", "content-length": str(length)}
        more |= failure.headers if failure is not None else {}
        headers = [*kept, *((name.encode(), value.encode()) for name, value in more.items())]
        return {**self._start, "status": failure.status if failure is not None else 200, "headers": headers}
