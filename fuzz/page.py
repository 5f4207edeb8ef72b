"""The playground's page over HTTP: any request, with and without the token.

Property: nothing raises, and no answer is 5xx; without the token nothing but the page's own files is given; with
another host or from another site everything is refused; no header of an answer holds a control character.
"""

from __future__ import annotations

from typing import Any

from poe_asgi import Answer, Bot, QueryContext, create_app
from poe_asgi.playground import Playground

from ._support import dump, in_time, run, split

TOKEN = "t0ken-t0ken-t0ken"


def request(method: str, path: str, body: bytes = b"", *headers: str, token: bool = True) -> bytes:
    head = "\n".join([f"{method} {path}", "host: 127.0.0.1", *headers])
    return bytes([token]) + head.encode("latin-1") + b"\n\n" + body


SEEDS = [
    request("GET", f"/?token={TOKEN}"),
    request("GET", "/page/main.js", token=False),
    request("GET", "/page/../_app.py"),
    request("POST", "/api/conversations"),
    request("POST", "/api/conversations/1/ask", dump({"text": "hi \ud800", "parameters": {"a": 1}, "files": []})),
    request("POST", "/api/conversations/1/ask", b'{"text": "x", "parameters": {"a": NaN}, "files": 1}'),
    request("POST", "/api/conversations/1/ask", b'{"text": "x", "parameters": {"a":' + b"[" * 100),
    request("POST", "/api/conversations/1/react", dump({"id": "m", "reaction": "heart"})),
    request("POST", "/api/conversations/1/feedback", dump({"id": "m", "feedback": "like"})),
    request("POST", "/api/conversations/1/retry"),
    request("POST", "/api/conversations/1/clear"),
    request("DELETE", "/api/conversations/1"),
    request("GET", "/api/conversations/1/saved"),
    request("GET", "/api/conversations/1/test"),
    request("POST", "/api/replay", dump({"poe_asgi_conversation": 1, "title": "t", "turns": [{"text": "x"}]})),
    request("POST", "/api/files", b"content", "x-file-name: a%0Ab.txt", "content-type: text/plain"),
    request("POST", "/api/files", b"content", "x-file-name: %ff", "content-type: a\x85b"),
    request("GET", "/api/exchanges/1"),
    request("GET", "/api/exchanges/" + "9" * 5000),
    request("GET", "/api/settings", b"", "origin: http://evil.test"),
    request("GET", "/poe/files/1/a", b"", "host: [::1", token=False),
    request("POST", "/poe/bot/Echo", dump({"type": "query", "query": []}), "authorization: Bearer x"),
]


def _bot() -> Bot:
    bot = Bot("Echo")

    @bot.query
    async def echo(ctx: QueryContext) -> Answer:
        yield ctx.text

    return bot


class _Started:
    """A playground, made anew now and then so that it does not grow for ever."""

    def __init__(self) -> None:
        self.used = 0
        self.app: Any = None

    def get(self) -> Any:
        if self.used % 500 == 0:
            self.app = Playground(create_app(_bot(), allow_without_key=True), access_key=None, token=TOKEN).app
        self.used += 1
        return self.app


_started = _Started()


def check(data: bytes) -> None:
    choice, rest = split(data)
    head, _, body = rest.partition(b"\n\n")
    first, *lines = head.split(b"\n")
    method, _, target = first.decode("latin-1").partition(" ")
    path, _, query = target.partition("?")
    headers = [tuple(part.strip() for part in line.partition(b":")[::2]) for line in lines if b":" in line]
    if choice % 2:
        headers.append((b"x-playground-token", TOKEN.encode()))
    known = choice % 2 == 1 or TOKEN in query
    if path.startswith("/api/live"):
        return  # it does not end
    with in_time():
        status, came = run(_asked(method or "GET", path, query, headers, body))
    assert status < 500, status
    for _, value in came:
        assert not any(byte < 32 or byte == 127 for byte in value), value
    hosts = [value for name, value in headers if name.lower() == b"host"]
    if not hosts or any(origin.startswith(b"http://evil") for name, origin in headers if name.lower() == b"origin"):
        assert status in {403, 421}
    if path.startswith("/api/") and not known:
        assert status in {403, 404, 413, 421}


async def _asked(
    method: str, path: str, query: str, headers: list[Any], body: bytes
) -> tuple[int, list[tuple[bytes, bytes]]]:
    sent: list[Any] = []
    messages = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive() -> Any:
        return messages.pop() if messages else {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": path,
        "raw_path": path.encode("latin-1", "replace"),
        "root_path": "",
        "query_string": query.encode("latin-1", "replace"),
        "headers": headers,
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 80),
    }
    await _started.get()(scope, receive, send)
    starts = [each for each in sent if each["type"] == "http.response.start"]
    return (starts[0]["status"], starts[0]["headers"]) if starts else (0, [])
