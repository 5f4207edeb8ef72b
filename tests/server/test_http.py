"""From a request to its status: which refusal comes first, and what each one says."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from poe_asgi import Answer, Bot, Limits, QueryContext, create_app
from poe_asgi.protocol import Done, Meta, Text
from tests.support import KEY, SMALL, Exchange, query, settle

pytestmark = pytest.mark.asyncio

WRONG = "w" * 32
UNKNOWN_TYPE = {"type": "report_weather", "query": 5}


def echo(**declared: Any) -> Bot:
    bot = Bot("Echo", **declared)

    @bot.query
    async def handler(ctx: QueryContext) -> Answer:
        yield ctx.text

    return bot


class Deaf(Exchange):
    """Nobody may ask this one for the body."""

    async def _receive(self) -> dict[str, Any]:
        raise AssertionError("the body was read")


class Parts(Exchange):
    """The body comes in these messages, and then nothing comes."""

    def __init__(self, *parts: bytes | None) -> None:
        super().__init__()
        self.parts = list(parts)

    async def _receive(self) -> dict[str, Any]:
        if not self.parts:
            await asyncio.get_running_loop().create_future()
        part = self.parts.pop(0)
        if part is None:
            return {"type": "http.disconnect"}
        return {"type": "http.request", "body": part, "more_body": True}


def message_of(exchange: Exchange) -> str:
    """What a refusal says, in the one shape that all of them have."""
    assert exchange.headers["content-type"] == "application/json"
    assert exchange.headers["content-length"] == str(len(exchange.body))
    assert "connection" not in exchange.headers
    assert exchange.json.keys() == {"error"}
    message: str = exchange.json["error"]["message"]
    return message


# ---- in this order: path, method, key, size, time, JSON, type, fields


async def test_an_unknown_path_is_404_whatever_else_is_wrong() -> None:
    exchange = await Deaf().run(create_app(echo(), access_key=KEY), path="/other", method="PUT", key=None)
    assert exchange.status == 404


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "BREW"])
async def test_another_method_is_405_without_a_look_at_the_key(method: str) -> None:
    exchange = await Deaf().run(create_app(echo(), access_key=KEY), method=method, key=None)
    assert exchange.status == 405
    assert exchange.headers["allow"] == "GET, HEAD, POST"
    assert message_of(exchange) == "Poe calls a bot by POST."


async def test_a_wrong_key_is_401_before_the_body_is_read_or_measured() -> None:
    app = create_app(echo(), access_key=KEY)
    exchange = await Deaf().run(app, key=WRONG, headers={"content-length": str(2**40)})
    assert exchange.status == 401
    assert exchange.headers["www-authenticate"] == "Bearer"
    assert message_of(exchange) == "The access key is missing or wrong."


async def test_a_body_that_says_it_is_too_large_is_413_before_it_is_read() -> None:
    app = create_app(echo(limits=Limits(body_bytes=1000)), access_key=KEY)
    exchange = await Deaf().run(app, headers={"content-length": "1001"})
    assert exchange.status == 413
    assert message_of(exchange) == "The request is larger than 1,000 bytes."


async def test_a_length_of_five_thousand_digits_is_413() -> None:
    exchange = await Deaf().run(create_app(echo(), access_key=KEY), headers={"content-length": "9" * 5000})
    assert exchange.status == 413


async def test_a_body_that_turns_out_too_large_is_413_and_the_rest_of_it_is_not_read() -> None:
    app = create_app(echo(limits=Limits(body_bytes=10)), access_key=KEY)
    exchange = Parts(b"[" * 6, b"[" * 5, b"never asked for")
    await exchange.run(app)
    assert exchange.status == 413
    assert exchange.parts == [b"never asked for"]
    message_of(exchange)


async def test_a_body_of_exactly_the_limit_is_read() -> None:
    app = create_app(echo(limits=Limits(body_bytes=10)), access_key=KEY)
    exchange = await Exchange().run(app, b"0123456789", headers={"content-length": "10"})
    assert exchange.status == 400


@pytest.mark.parametrize("length", ["", "ten", "-1", "1_0", " 5"])
async def test_a_length_that_is_no_number_counts_for_nothing(length: str) -> None:
    exchange = await Exchange().run(create_app(echo(), access_key=KEY), headers={"content-length": length})
    assert exchange.status == 200


async def test_a_body_that_does_not_come_is_408() -> None:
    app = create_app(echo(limits=Limits(body_seconds=0.01)), access_key=KEY)
    exchange = await Parts(b'{"type":').run(app)
    assert exchange.status == 408
    assert message_of(exchange) == "The request did not arrive within 0.01 seconds."


@pytest.mark.parametrize("parts", [(None,), (b'{"type":', None)])
async def test_a_client_that_leaves_while_its_body_is_read_disturbs_nobody(
    parts: tuple[bytes | None, ...], caplog: pytest.LogCaptureFixture
) -> None:
    exchange = await Parts(*parts).run(create_app(echo(), access_key=KEY))
    assert exchange.status == 400
    assert caplog.records == []


async def test_a_server_that_refuses_to_send_to_a_client_who_left_disturbs_nobody() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        async def closed(message: Any) -> None:
            raise OSError("the client is gone")

        await create_app(echo(), access_key=KEY)(scope, receive, closed)

    for body in (SMALL, b"", {"type": "settings"}):
        assert (await Exchange().run(app, body)).chunks == []


async def test_a_body_in_many_parts_is_one_body() -> None:
    class Slow(Parts):
        async def _receive(self) -> dict[str, Any]:
            message = await super()._receive()
            return {**message, "more_body": bool(self.parts)}

    exchange = await Slow(b"", *(bytes([byte]) for byte in b'{"type": "settings"}')).run(
        create_app(echo(), access_key=KEY)
    )
    assert exchange.status == 200


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", "The body is not valid JSON."),
        (b"{", "The body is not valid JSON."),
        (b'{"type": "query"', "The body is not valid JSON."),
        (b"type=query", "The body is not valid JSON."),
        (b'{"type": %s}' % (b"1" * 5000), "The body is not valid JSON."),
        (b'{"type": NaN}', "The body holds NaN, an infinity or a number beyond a float."),
        (b'{"type": "\xff"}', "The body is not UTF-8."),
        (b"[]", "The body must be a JSON object."),
        (b'[{"type": "query"}]', "The body must be a JSON object."),
        (b'"query"', "The body must be a JSON object."),
        (b"null", "The body must be a JSON object."),
        (b'{"a":' * 65 + b"0" + b"}" * 65, "The body nests objects and arrays more than 64 deep."),
        (b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}", "The body nests objects and arrays more than 64 deep."),
    ],
    ids=lambda value: value[:20] if isinstance(value, bytes) else "",
)
async def test_a_body_that_is_no_json_object_is_400(body: bytes, message: str) -> None:
    exchange = await Exchange().run(create_app(echo(), access_key=KEY), body)
    assert exchange.status == 400
    assert message_of(exchange) == message
    assert "fields" not in exchange.json["error"]


async def test_an_unknown_type_is_501_before_its_fields_are_looked_at() -> None:
    exchange = await Exchange().run(create_app(echo(), access_key=KEY), UNKNOWN_TYPE)
    assert exchange.status == 501
    assert message_of(exchange) == "The request's type is not known."
    assert b"report_weather" not in exchange.body


@pytest.mark.parametrize("kind", ["", "Query", "query ", "constructor", "é", "x" * 10_000])
async def test_any_string_can_be_a_type(kind: str) -> None:
    assert (await Exchange().run(create_app(echo(), access_key=KEY), {"type": kind})).status == 501


@pytest.mark.parametrize(
    ("body", "paths"),
    [
        ({}, ["type"]),
        ({"type": None}, ["type"]),
        ({"type": 5}, ["type"]),
        ({"type": ["query"]}, ["type"]),
        ({"type": "query"}, ["query"]),
        ({"type": "query", "query": []}, ["query"]),
        ({"type": "query", "query": "hi"}, ["query"]),
        ({"type": "query", "query": {}}, ["query"]),
        ({"type": "query", "query": ["hi"]}, ["query.0"]),
        ({"type": "query", "query": [{"role": "user"}]}, ["query.0.content"]),
        ({"type": "query", "query": [{"content": "hi"}]}, ["query.0.role"]),
        (query(message={"role": 5}), ["query.0.role"]),
        (query(message={"attachments": [{"url": "u"}]}), ["query.0.attachments.0.name"]),
        (query(temperature="hot"), ["temperature"]),
        (query(user_id=5, message_id=[]), ["user_id", "message_id"]),
        ({"type": "report_reaction", "reaction": "heart"}, ["message_id"]),
        ({"type": "report_feedback", "message_id": "m"}, ["feedback_type"]),
        ({"type": "report_error", "metadata": []}, ["metadata"]),
    ],
)
async def test_a_wrong_field_is_400_and_its_path_is_told(body: dict[str, Any], paths: list[str]) -> None:
    exchange = await Exchange().run(create_app(echo(), access_key=KEY), body)
    assert exchange.status == 400
    assert message_of(exchange)
    told = [field["path"] for field in exchange.json["error"]["fields"]]
    assert told[: len(paths)] == paths
    assert all(field.keys() == {"path", "message"} and field["message"] for field in exchange.json["error"]["fields"])


# ---- what is answered


@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_get_and_head_show_a_page_without_a_key(method: str) -> None:
    app = create_app(echo(), access_key=KEY)
    exchange = await Deaf().run(app, method=method, key=None)
    assert exchange.status == 200
    assert exchange.headers["content-type"] == "text/html; charset=utf-8"
    assert b"This bot is up." in exchange.body
    assert KEY.encode() not in exchange.body
    assert b"Echo" not in exchange.body


@pytest.mark.parametrize("registered", ["/a", "/a/"])
@pytest.mark.parametrize("asked", ["/a", "/a/"])
async def test_a_slash_at_the_end_makes_no_difference(registered: str, asked: str) -> None:
    app = create_app({registered: echo()}, access_key=KEY)
    exchange = await Exchange().run(app, path=asked)
    assert exchange.text == "hi"
    assert (await Exchange().run(app, path="/")).status == 404
    assert (await Exchange().run(app, path="/a/b")).status == 404
    assert (await Exchange().run(app, path="/a//")).status == 404


async def test_a_query_is_answered_by_a_stream_that_nothing_on_the_way_may_hold_back() -> None:
    exchange = await Exchange().run(create_app(echo(), access_key=KEY))
    assert exchange.status == 200
    assert exchange.headers["content-type"] == "text/event-stream; charset=utf-8"
    assert exchange.headers["cache-control"] == "no-store"
    assert exchange.headers["x-accel-buffering"] == "no"
    assert exchange.events == [Meta(), Text("hi"), Done()]
    assert exchange.reader.clean


async def test_the_content_type_of_a_request_does_not_matter() -> None:
    app = create_app(echo(), access_key=KEY)
    assert (await Exchange().run(app, headers={"content-type": "text/plain"})).text == "hi"


@pytest.mark.parametrize("path", ["/docs", "/redoc", "/openapi.json"])
async def test_the_app_has_no_other_pages(path: str) -> None:
    assert (await Exchange().run(create_app(echo(), access_key=KEY), path=path, method="GET")).status == 404


async def test_a_websocket_is_turned_away() -> None:
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    async def receive() -> Any:
        return {"type": "websocket.connect"}

    scope = {"type": "websocket", "path": "/", "root_path": "", "headers": []}
    await create_app(echo(), access_key=KEY)(scope, receive, send)
    assert [message["type"] for message in sent] == ["websocket.close"]


async def test_a_repeated_or_concurrent_message_id_is_a_query_of_its_own() -> None:
    bot, waiting = Bot(), asyncio.Event()

    @bot.query
    async def handler(ctx: QueryContext) -> Answer:
        await waiting.wait()
        yield ctx.text

    app = create_app(bot, access_key=KEY)
    bodies = [query(text, message_id="m-same") for text in ("one", "two", "three")]
    tasks = [asyncio.create_task(Exchange().run(app, body)) for body in bodies]
    await settle()
    waiting.set()
    assert [(await task).text for task in tasks] == ["one", "two", "three"]
    assert (await Exchange().run(app, bodies[0])).text == "one"
