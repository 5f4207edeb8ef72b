"""Messages on their way to models and bots: `wire_messages`, `bot_messages`, the parts of the chat API.

Property: ConfigurationError and UnsafeUrlError alone are raised; what is sent is JSON; what is refused for one is told
in a line that prints. No file is read and nothing fetched for what came as JSON.
"""

from __future__ import annotations

import json
from typing import Any

from poe_asgi.chat._bot_messages import bot_messages
from poe_asgi.chat._messages import wire_messages
from poe_asgi.client import Connection
from poe_asgi.errors import ConfigurationError, RequestError, UnsafeUrlError
from poe_asgi.protocol import QueryRequest, parse_json_object, parse_request

from . import requests
from ._support import dump, in_time, run, split


class _Offline:
    """Nothing may be sent."""

    async def send(self, _: object) -> object:
        raise AssertionError("something was fetched")

    async def aclose(self) -> None:
        pass


CONNECTION = Connection(api_key="k", base_url="http://poe.test", own_transport=_Offline())  # type: ignore[arg-type]

JSON_AFTER = 1  # bytes
SEEDS = [
    b"\0"
    + dump(
        {
            "m": [
                {"role": "system", "content": "s"},
                {
                    "role": "bot",
                    "content": [{"type": "text", "text": "a"}, "b", {"type": "image_url", "image_url": "u"}],
                },
                {"role": "assistant", "content": None, "tool_calls": [{"id": "1", "function": {"name": "f"}}]},
                {"role": "tool", "content": "r", "tool_call_id": "1", "name": "f"},
            ]
        }
    ),
    b"\0" + dump({"m": [{"role": "usr", "content": 1}]}),
    b"\0" + dump({"m": {"role": "agent", "content": [{"type": "file", "file": {"file_data": "data:x,y"}}]}}),
    b"\0" + dump({"m": "text"}),
    b"\0" + dump({"m": [1, None, "x"]}),
    b"\1"
    + dump(
        {
            **requests.QUERY,
            "query": [
                {
                    "role": "bot",
                    "message_type": "function_call",
                    "content": '[{"id": "1", "function": {"name": "f", "arguments": "{}"}}]',
                },
                {"role": "tool", "content": '[{"tool_call_id": "1", "content": "r", "name": "f"}]'},
                {
                    "role": "user",
                    "content": "x",
                    "attachments": [
                        {"url": "data:text/plain,x", "name": "a", "content_type": "text/plain", "parsed_content": "x"},
                        {"url": "HTTPS://e.com/a", "name": "a", "content_type": "image/png"},
                    ],
                },
            ],
        }
    ),
    b"\1"
    + dump(
        {
            "type": "query",
            "query": [
                {
                    "role": "user",
                    "content": "",
                    "attachments": [{"url": "file:///etc/passwd", "name": "a", "content_type": "image/png"}],
                }
            ],
        }
    ),
]


def _wired(given: Any) -> Any:
    return run(wire_messages(given, CONNECTION))


def _for_bots(given: Any) -> Any:
    return [message.to_wire() for message in bot_messages(given)]


def check(data: bytes) -> None:
    choice, rest = split(data)
    try:
        value = parse_json_object(rest)
        request = parse_request(value) if choice % 2 else None
    except RequestError:
        return
    given: Any = value.get("m")
    if isinstance(request, QueryRequest):  # what needs its content is fetched, which is not for here
        given = [
            each.replace(attachments=[a for a in each.attachments if a.is_image or a.url.startswith("data:")])
            for each in request.query
        ]
    with in_time():
        for make in (_wired, _for_bots):
            try:
                json.dumps(make(given))
            except (ConfigurationError, UnsafeUrlError) as exc:
                assert len(str(exc)) < 1000
                assert str(exc).isprintable()
