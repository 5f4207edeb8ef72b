"""What Poe's other surfaces answer: models, usage, settings, costs, errors of every shape.

Property: UpstreamError alone is raised, of bounded length, in a line that prints, without the key, however the body
repeats it; InsufficientFundError for a charge.
"""

from __future__ import annotations

import json
from collections.abc import Coroutine
from typing import Any

from poe_asgi import PoeClient, Settings
from poe_asgi.client import NO_RETRY, Charge, Connection, failure, failure_in_stream
from poe_asgi.client._catalog import models
from poe_asgi.client._money import USD
from poe_asgi.client._usage import Usage
from poe_asgi.errors import InsufficientFundError, UpstreamError
from poe_asgi.protocol import QueryRequest, user

from ._support import dump, in_time, loads, run, shows, split, text
from .completion import KEY, STATUSES, TYPES, Played, Transport

MODEL = {
    "id": "m",
    "object": "model",
    "created": 1700000000000,
    "owned_by": "o",
    "description": "d",
    "architecture": {"input_modalities": ["text"], "output_modalities": ["text"]},
    "supported_features": ["tools"],
    "supported_endpoints": ["/v1/responses"],
    "reasoning": {"supports_reasoning_effort": ["low"]},
    "context_window": {"context_length": 1, "max_output_tokens": 2},
    "pricing": {"prompt": "0.1", "completion": 1e-6, "image": "1E+999999", "request": None},
    "metadata": {"display_name": "D", "url": "u"},
    "parameters": [{"name": "p", "schema": {"type": "string"}, "default_value": "x"}],
}
ENTRY = {"query_id": "q", "bot_name": "b", "cost_points": 1, "creation_time": 1, "cost_usd": "0.1"}


def answer(surface: int, body: bytes, status: int = 0) -> bytes:
    return bytes([surface, status << 2]) + body


JSON_AFTER = 2  # bytes
SEEDS = [
    answer(0, dump({"data": [MODEL, {"id": ""}, 1]})),
    answer(1, dump({"data": [ENTRY], "has_more": False})),
    answer(2, dump({"current_point_balance": 1})),
    answer(3, b"stored: {'response_version': 2, 'allow_attachments': None, \"x\": True}"),
    answer(3, dump({"settings": {"introduction_message": "x\n"}, "key": KEY})),
    answer(4, b'event: result\ndata: {"status": "success"}\n\n'),
    answer(4, b'event: error\ndata: {"message": "' + KEY.encode() + b'"}\n\n'),
    answer(4, b'event: result\ndata: {"status": "no\\n"}\n\n'),
    answer(5, b'event: error\ndata: {"text": "t"}\n\n'),
    *(answer(0, dump({"error": {"message": f"a\n\x1b[2J{KEY}", "type": "t", "code": code}}), 4) for code in (1, "x")),
    answer(1, dump({"error": "code", "error_description": "x" * 490 + KEY}), 3),
    answer(2, dump({"detail": [{"msg": "x\x85"}, KEY]}), 5),
    answer(6, dump({"error": {"message": KEY, "code": 429}})),
    answer(7, b"<html>" + KEY.encode() + b"\xff", 5),
]


def _calls(connection: Connection, surface: int) -> Coroutine[Any, Any, object]:
    match surface % 6:
        case 0:
            return models(connection)
        case 1:
            return _history(connection)
        case 2:
            return Usage(connection).balance()
        case 3:
            client = PoeClient(
                api_key=KEY, base_url="http://poe.test", transport=connection.own_transport, retry=NO_RETRY
            )
            return client.push_settings(
                Settings(introduction_message="x", allow_attachments=False), name="B", access_key=KEY
            )
        case 4:
            return _charge(connection)
    client = PoeClient(api_key=KEY, base_url="http://poe.test", transport=connection.own_transport, retry=NO_RETRY)
    return client.ask("B", "hi")


async def _history(connection: Connection) -> object:
    return [each async for each in Usage(connection).history()]


async def _charge(connection: Connection) -> None:
    async with Charge(connection, QueryRequest((user("x"),), bot_query_id="q"), USD("1")):
        pass


class _OnceTransport(Transport):
    """Whatever the headers are; some surfaces have the key elsewhere."""

    async def send(self, _: Any) -> Any:
        return self._response


def check(data: bytes) -> None:
    surface, rest = split(data)
    second, body = split(rest)
    status, kind = STATUSES[second // 4 % len(STATUSES)], TYPES[second % 4]
    with in_time():
        if surface % 8 >= 6:
            _look(failure("Asking m", status, {"retry-after": "1"}, body, secret=KEY), body)
            _look(failure_in_stream("Asking m", loads(body), body=text(body), secret=KEY), body)
            return
        transport = _OnceTransport(Played(status, kind, [body]))
        connection = Connection(api_key=KEY, base_url="http://poe.test", own_transport=transport, retry=NO_RETRY)
        try:
            came = run(_calls(connection, surface % 8))
        except UpstreamError as exc:
            _look(exc, body, printable=surface % 8 != 5)  # what a bot tells a user may have lines
        except InsufficientFundError:
            pass
        else:
            assert KEY not in json.dumps(repr(came)) or KEY.encode() in body


def _look(exc: UpstreamError, body: bytes, *, printable: bool = True) -> None:
    assert len(exc.body) <= 2000
    assert len(str(exc)) < 2000
    assert not printable or str(exc).isprintable(), str(exc)
    for said in (str(exc), repr(exc), exc.body, str(exc.error_type)):
        assert not shows(KEY, said, body), said
