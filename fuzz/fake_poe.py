"""Poe as it is played locally: any request to `FakePoe`.

Property: nothing raises, and no answer is 5xx; no record and no answer holds the key; no header of an answer holds a
control character.
"""

from __future__ import annotations

import asyncio
from typing import Any

from poe_asgi.local import FakePoe

from . import requests
from ._support import dump, in_time, run, split

KEY = "k3y-k3y-k3y-k3y-k3y-k3y-k3y-k3y-"


def request(method: str, path: str, body: bytes = b"", *headers: str) -> bytes:
    head = "\n".join([f"{method} {path}", "host: 127.0.0.1", *headers])
    return b"\0" + head.encode("latin-1") + b"\n\n" + body


FORM = (
    b'--b\r\nContent-Disposition: form-data; name="file"; filename="a\\".txt"\r\nContent-Type: text/plain\r\n\r\nhi\r\n'
    b"--b--\r\n"
)
SEEDS = [
    request("POST", "/bot/Echo", dump(requests.QUERY)),
    request("POST", "/bot/%00%ff", dump({"type": "query", "query": [{"role": "user", "content": "\ud800"}]})),
    request("POST", "/bot/update_settings/Echo/KEY/1.2", dump({"response_version": 2, "new\n": 1})),
    request("POST", "/bot/fetch_settings/Echo/KEY"),
    request("POST", "/bot/cost/q/authorize", dump({"amounts": [{"amount_usd_milli_cents": 1}], "access_key": KEY})),
    request("POST", "/poe_api/file_upload_3RD_PARTY_POST", FORM, "content-type: multipart/form-data; boundary=b"),
    request(
        "POST",
        "/poe_api/file_upload_3RD_PARTY_POST",
        FORM.replace(b"text/plain", b"text/plain\nx: y"),
        "content-type: multipart/form-data; boundary=b",
    ),
    request(
        "POST",
        "/poe_api/file_upload_3RD_PARTY_POST",
        b"download_url=http%3A%2F%2F%5Bx&download_filename=%0A",
        "content-type: application/x-www-form-urlencoded",
    ),
    request("GET", "/files/1/a"),
    request(
        "POST",
        "/v1/chat/completions",
        dump(
            {
                "model": "m",
                "stream": True,
                "messages": [
                    {"role": "system", "content": "s"},
                    {
                        "role": "user",
                        "content": [
                            {"type": "text", "text": "t"},
                            {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA"}},
                            {"type": "file", "file": {"filename": "f", "file_data": "https://[x"}},
                        ],
                    },
                    {"role": "assistant", "tool_calls": [{"id": "1"}]},
                    {"role": "tool", "tool_call_id": "1", "content": "r"},
                ],
                "temperature": 1,
                "stop": ["x"],
                "n": 1,
                "thinking": True,
            }
        ),
    ),
    request("POST", "/v1/chat/completions", dump({"model": "m", "messages": [{"role": "user", "content": None}]})),
    request("GET", "/v1/models"),
    request("GET", "/usage/points_history?limit=" + "1" * 5000),
    request("GET", "/usage/points_history?limit=\xb2&starting_after=x"),
    request("GET", "/usage/current_balance"),
]


class _Played:
    def __init__(self) -> None:
        self.used = 0
        self.poe = FakePoe()

    def get(self) -> FakePoe:
        self.used += 1
        if self.used % 200 == 0:
            self.poe = FakePoe()
        return self.poe


_played = _Played()


def check(data: bytes) -> None:
    _, rest = split(data)
    head, _, body = rest.partition(b"\n\n")
    first, *lines = head.split(b"\n")
    method, _, target = first.decode("latin-1").partition(" ")
    path, _, query = target.partition("?")
    headers = [tuple(part.strip() for part in line.partition(b":")[::2]) for line in lines if b":" in line]
    is_upload = path.startswith("/poe_api")
    headers.append((b"authorization", (KEY if is_upload else f"Bearer {KEY}").encode()))
    poe = _played.get()
    with in_time():
        status, came, answer = run(_asked(poe, method, path, query, headers, body))
    assert status < 500, status
    for _, value in came:
        assert not any(byte < 32 or byte == 127 for byte in value), value
    if KEY.encode() not in rest:
        assert KEY.encode() not in answer
        if poe.calls:
            assert KEY not in repr((poe.calls[-1], poe.calls[-1].body, poe.calls[-1].headers))
        assert KEY not in repr((poe.charges[-1:], poe.uploads[-1:], poe.settings[-1:]))


async def _asked(
    poe: FakePoe, method: str, path: str, query: str, headers: list[Any], body: bytes
) -> tuple[int, list[tuple[bytes, bytes]], bytes]:
    sent: list[Any] = []
    messages = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive() -> Any:
        if messages:
            return messages.pop()
        await asyncio.sleep(3600)
        return {"type": "http.disconnect"}

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
    await poe(scope, receive, send)
    return sent[0]["status"], sent[0]["headers"], b"".join(each.get("body", b"") for each in sent)
