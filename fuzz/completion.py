"""A chat completion as it comes over HTTP, played by a transport: `Completion`.

Property: UpstreamError alone is raised, with no more of the body than 2,000 characters and nothing of the key; however
the bytes are cut, the text, the thoughts and the kind of error are the same; it ends when the bytes do.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence

from poe_asgi.chat._completion import Completion
from poe_asgi.client import NO_RETRY, Connection, HttpRequest, HttpResponse
from poe_asgi.errors import UpstreamError

from ._support import in_time, pieces, run, shows, split

KEY = "k3y-k3y-k3y-k3y-k3y-k3y-k3y-k3y-"
TYPES = ("text/event-stream", "application/json", "text/html; charset=x", "")
STATUSES = (200, 200, 200, 400, 401, 402, 404, 429, 500, 302)


class Played:
    """A response of these pieces."""

    def __init__(self, status: int, kind: str, body: Sequence[bytes]) -> None:
        self.status = status
        self.headers: Mapping[str, str] = {"content-type": kind, "retry-after": "1", "x-request-id": "r"}
        self._body = body

    async def chunks(self) -> AsyncIterator[bytes]:
        for each in self._body:
            yield each

    async def aclose(self) -> None:
        pass


class Transport:
    def __init__(self, response: Played) -> None:
        self._response = response

    async def send(self, request: HttpRequest) -> HttpResponse:
        assert KEY in request.headers["authorization"]
        return self._response

    async def aclose(self) -> None:
        pass


def head(kind: int = 0, status: int = 0, *, streaming: bool = True, cut: int = 1) -> bytes:
    return bytes([kind | status << 2, cut | (0 if streaming else 8)])


STREAM = (
    b'data: {"model": "m", "choices": [{"delta": {"role": "assistant", "content": ""}}]}\n\n'
    b': ping\n\ndata: {"choices": [{"delta": {"reasoning": "hm"}}]}\r\n\r\n'
    b'data: {"choices": [{"delta": {"content": "Hi"}, "finish_reason": null}]}\n\n'
    b'data: {"choices": [{"delta": {}, "finish_reason": "stop"}], "usage": {"prompt_tokens": 1}}\n\n'
)
SEEDS = [
    head() + STREAM + b"data: [DONE]\n\n",
    head(cut=0) + STREAM,
    head() + STREAM + b'data: {"error": {"message": "m", "type": "rate_limit_error", "code": 429}}\n\n',
    head() + b"event: error\ndata: words " + KEY.encode() + b"\n\n",
    head() + b'data: {"choices": [{"delta": {"content": "x"}}]}\n\ndata: {"cho',
    head(1) + b'{"model": "m", "choices": [{"message": {"content": "Hi"}, "finish_reason": "stop"}]}',
    head(1, streaming=False) + b'\xef\xbb\xbf{"choices": [{"message": {"content": null, "tool_calls": [{}]}}]}',
    head(1, 3) + b'{"error": {"message": "' + b"x" * 480 + KEY.encode() + b'", "type": "invalid_request_error"}}',
    head(2, 8) + b"<html>" + KEY.encode(),
    head(1, 4, streaming=False) + b'{"detail": [{"msg": "a"}, {"msg": 1}]}',
]


async def _outcome(status: int, kind: str, body: Sequence[bytes], *, streaming: bool) -> tuple[object, ...]:
    connection = Connection(
        api_key=KEY, base_url="http://poe.test", own_transport=Transport(Played(status, kind, body)), retry=NO_RETRY
    )
    completion = Completion(connection, {"model": "m", "messages": []}, streaming=streaming)
    texts: list[str] = []
    error = None
    try:
        async for deltas in completion.deltas():
            texts += (delta.text for delta in deltas)
    except UpstreamError as exc:
        assert len(exc.body) <= 2000
        for said in (str(exc), repr(exc), exc.body, str(exc.error_type)):
            assert not shows(KEY, said, b"".join(body))
        assert str(exc).isprintable()
        error = type(exc).__name__
    assert "".join(texts) == completion.received.text or error is not None
    return "".join(texts), completion.received.thoughts, completion.complete, error


def check(data: bytes) -> None:
    first, rest = split(data)
    second, body = split(rest)
    status, kind, streaming = STATUSES[first // 4 % len(STATUSES)], TYPES[first % 4], not second & 8
    with in_time():
        at_once = run(_outcome(status, kind, [body], streaming=streaming))
        in_pieces = run(_outcome(status, kind, list(pieces(body, second)), streaming=streaming))
    assert at_once == in_pieces
