"""Requests that are refused, in the words of the API and in its order: method, key, type, size, time, JSON, fields."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from poe_asgi import Answer, Bot, Limits, QueryContext, create_app
from tests.support import KEY, Exchange, ManualClock, settle

from .support import CHAT, USER, complete, post, saying

pytestmark = pytest.mark.asyncio

BODY = {"model": "Echo", "messages": USER}


def app_of(bot: Bot | dict[str, Bot] | None = None, **options: Any) -> Any:
    return create_app(bot or saying("ok"), **{"openai": True, "access_key": KEY, **options})


def error_of(exchange: Exchange) -> dict[str, Any]:
    assert exchange.headers["content-type"] == "application/json"
    error: dict[str, Any] = exchange.json["error"]
    assert set(error) == {"message", "type", "param", "code"}
    return error


@pytest.mark.parametrize("path", [CHAT, "/v1/models", "/v1/models/Echo"])
@pytest.mark.parametrize("key", [None, "wrong", KEY[:-1]])
async def test_a_wrong_key_is_401(path: str, key: str | None) -> None:
    method = "POST" if path == CHAT else "GET"
    exchange = await post(app_of(), b"not read", path=path, method=method, key=key)
    assert exchange.status == 401
    assert exchange.headers["www-authenticate"] == "Bearer"
    assert error_of(exchange) | {"message": ""} == {
        "message": "",
        "type": "authentication_error",
        "param": None,
        "code": "invalid_api_key",
    }


async def test_an_app_without_keys_is_open_or_closed_as_its_first_door(caplog: pytest.LogCaptureFixture) -> None:
    assert (await post(app_of(access_key=None), BODY)).status == 401
    assert (await post(app_of(access_key=None, allow_without_key=True), BODY, key=None)).status == 200


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [("GET", CHAT, "POST"), ("PUT", CHAT, "POST"), ("POST", "/v1/models", "GET"), ("DELETE", "/v1/models/Echo", "GET")],
)
async def test_another_method_is_405(method: str, path: str, allowed: str) -> None:
    exchange = await post(app_of(), BODY, method=method, path=path, key=None)
    assert (exchange.status, exchange.headers["allow"]) == (405, allowed)
    assert error_of(exchange)["type"] == "invalid_request_error"


@pytest.mark.parametrize("path", ["/v1/embeddings", "/v1/responses", "/v1/", "/v1/chat"])
async def test_another_path_is_404(path: str) -> None:
    exchange = await post(app_of(), BODY, path=path)
    assert exchange.status == 404
    assert error_of(exchange)["type"] == "not_found_error"


@pytest.mark.parametrize(
    "headers",
    [
        {"content-type": "text/plain"},
        {"content-type": "multipart/form-data; boundary=x"},
        {"content-type": ""},
        {"content-encoding": "gzip"},
    ],
)
async def test_another_type_of_body_is_415(headers: dict[str, str]) -> None:
    exchange = await post(app_of(), BODY, headers=headers)
    assert exchange.status == 415
    assert error_of(exchange)["type"] == "invalid_request_error"


async def test_json_may_say_more_of_itself() -> None:
    for kind in ("application/json; charset=utf-8", "Application/JSON", "application/vnd.api+json"):
        assert (await post(app_of(), BODY, headers={"content-type": kind})).status == 200


async def test_a_body_that_is_too_large_is_413() -> None:
    app = app_of(saying("ok", limits=Limits(body_bytes=100)))
    exchange = await post(app, {**BODY, "more": "x" * 100})
    assert exchange.status == 413
    assert error_of(exchange)["type"] == "request_too_large"


async def test_the_size_is_that_of_the_bot_that_is_asked() -> None:
    small, large = saying("ok", name="Small", limits=Limits(body_bytes=100)), saying("ok", name="Large")
    app = app_of({"/small": small, "/large": large})
    assert (await post(app, {**BODY, "model": "Small", "more": "x" * 100})).status == 413
    assert (await post(app, {**BODY, "model": "Large", "more": "x" * 100})).status == 200


async def test_a_body_that_does_not_come_is_408() -> None:
    clock = ManualClock()

    class Slow(Exchange):
        async def _receive(self) -> dict[str, Any]:
            message: dict[str, Any] = await asyncio.get_running_loop().create_future()
            return message

    exchange = Slow(clock)
    task = asyncio.create_task(post(app_of(), BODY, exchange=exchange))
    await settle()
    await clock.advance(11)
    await task
    assert exchange.status == 408
    assert error_of(exchange)["type"] == "timeout_error"


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"[]", b"\xff", b'{"model": NaN}', b"[" * 100_000, b'{"a":' * 70 + b"1" + b"}" * 70, b"1" * 5_000],
)
async def test_a_body_that_is_no_json_object_is_400(body: bytes) -> None:
    exchange = await post(app_of(), body)
    assert exchange.status == 400
    assert error_of(exchange)["message"].startswith("The body ")


def user(content: Any, **members: Any) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": content, **members}]}


CALL = {"id": "1", "type": "function", "function": {"name": "f", "arguments": "{}"}}

WRONG: list[tuple[dict[str, Any], str]] = [
    ({"model": None}, "model"),
    ({"model": 5}, "model"),
    ({"messages": None}, "messages"),
    ({"messages": []}, "messages"),
    ({"messages": "hi"}, "messages"),
    ({"messages": ["hi"]}, "messages[0].role"),
    ({"messages": [*USER, {"content": "hi"}]}, "messages[1].role"),
    ({"messages": [{"role": "function", "content": "hi"}]}, "messages[0].role"),
    ({"messages": [{"role": ["user"], "content": "hi"}]}, "messages[0].role"),
    (user(None), "messages[0].content"),
    (user(5), "messages[0].content"),
    (user(["hi"]), "messages[0].content[0]"),
    (user([{"type": "text"}]), "messages[0].content[0]"),
    (user([{"type": "video"}]), "messages[0].content[0]"),
    (user([{"type": "file", "file": {"file_id": "file-1"}}]), "messages[0].content[0]"),
    (user([{"type": "image_url", "image_url": {"url": "file:///etc/passwd"}}]), "messages[0].content[0].image_url.url"),
    ({"messages": [{"role": "tool", "tool_call_id": "1", "content": "x"}]}, "messages[0].tool_call_id"),
    ({"messages": [{"role": "assistant", "tool_calls": [{"id": "1"}]}]}, "messages[0].tool_calls"),
    ({"messages": [{"role": "assistant", "tool_calls": {"id": "1"}}]}, "messages[0].tool_calls"),
    (
        {"messages": [{"role": "assistant", "tool_calls": [CALL]}, {"role": "tool", "tool_call_id": "1"}]},
        "messages[1].content",
    ),
    ({"n": 2}, "n"),
    ({"n": True}, "n"),
    ({"temperature": 2.1}, "temperature"),
    ({"temperature": -0.1}, "temperature"),
    ({"temperature": "warm"}, "temperature"),
    ({"temperature": True}, "temperature"),
    ({"top_p": 1.5}, "top_p"),
    ({"presence_penalty": -3}, "presence_penalty"),
    ({"frequency_penalty": 3}, "frequency_penalty"),
    ({"max_tokens": 0}, "max_tokens"),
    ({"max_completion_tokens": 1.5}, "max_completion_tokens"),
    ({"stop": " "}, "stop"),
    ({"stop": ["a", 5]}, "stop"),
    ({"stop": {}}, "stop"),
    ({"stream": "yes"}, "stream"),
    ({"stream_options": []}, "stream_options"),
    ({"stream_options": {"include_usage": 1.5}}, "stream_options.include_usage"),
    ({"stream_options": {"include_usage": 1}}, "stream_options.include_usage"),
    ({"logit_bias": []}, "logit_bias"),
    ({"logit_bias": {"1": 101}}, "logit_bias"),
    ({"logit_bias": {"1": "x"}}, "logit_bias"),
    ({"user": 5}, "user"),
    ({"tools": {}}, "tools"),
    ({"tools": [{"type": "web_search"}]}, "tools"),
    ({"functions": [{"name": "f"}]}, "functions"),
]


@pytest.mark.parametrize(("fields", "param"), WRONG, ids=str)
async def test_a_field_that_is_wrong_is_400_and_named(fields: dict[str, Any], param: str) -> None:
    exchange = await complete(saying("ok"), **fields)
    assert exchange.status == 400
    error = error_of(exchange)
    assert error["param"] == param
    assert error["code"] == ("missing_parameter" if list(fields.values()) == [None] else "invalid_parameter")
    assert error["type"] == "invalid_request_error"


async def test_null_is_as_good_as_left_out() -> None:
    names = ("n", "temperature", "stop", "stream", "stream_options", "logit_bias", "user", "tools", "max_tokens")
    assert (await complete(saying("ok"), **dict.fromkeys(names))).status == 200
    assert (await complete(saying("ok"), stream_options={"include_usage": None}, tools=[])).status == 200


async def test_a_refusal_quotes_nothing_of_the_body() -> None:
    secret = {"role": "swordfish", "content": "swordfish"}
    exchange = await complete(saying("ok"), messages=[secret])
    assert exchange.status == 400
    assert b"swordfish" not in exchange.body


async def test_a_model_that_is_not_there_is_404() -> None:
    exchange = await complete(saying("ok"), model="GPT-5")
    assert exchange.status == 404
    assert error_of(exchange) | {"message": ""} == {
        "message": "",
        "type": "not_found_error",
        "param": "model",
        "code": "model_not_found",
    }


async def test_no_completion_begins_while_the_app_drains() -> None:
    app = app_of()
    app.state.poe_asgi.draining = True
    exchange = await post(app, BODY)
    assert (exchange.status, exchange.headers["retry-after"]) == (503, "1")
    assert error_of(exchange)["type"] == "overloaded_error"


async def test_a_completion_that_runs_when_the_app_drains_is_told_to_come_again() -> None:
    bot = Bot("Echo")

    @bot.query
    async def answer(ctx: QueryContext) -> Answer:
        yield ""
        await asyncio.get_running_loop().create_future()

    app, exchange = app_of(bot, drain_seconds=0), Exchange()
    task = asyncio.create_task(post(app, BODY, exchange=exchange))
    await settle()
    await app.state.poe_asgi.drain()
    await task
    assert (exchange.status, exchange.headers["x-should-retry"]) == (503, "true")
    assert error_of(exchange)["message"] == "The bot is being restarted. Please try again."
