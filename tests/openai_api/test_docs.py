"""docs/openai-api.md tells what really happens."""

from __future__ import annotations

import re
from typing import Any

import pytest

from poe_asgi import (
    AnswerError,
    InsufficientFundError,
    Limits,
    PrivacyAuthorizationError,
    UserCausedError,
    UserMessageTooLongError,
    create_app,
)
from tests.snippets import ROOT, table
from tests.support import KEY

from .support import CHAT, USER, complete, post, saying

PAGE = ROOT / "docs/openai-api.md"
BODY = {"model": "Echo", "messages": USER}

RAISED: dict[str, Exception] = {
    "`UserCausedError`": UserCausedError("x"),
    "`InsufficientFundError`": InsufficientFundError("x"),
    "`PrivacyAuthorizationError`": PrivacyAuthorizationError("x"),
    "`UserMessageTooLongError`": UserMessageTooLongError("x"),
    "`AnswerError`": AnswerError("x"),
    "`AnswerError` with `allow_retry`": AnswerError("x", allow_retry=True),
    "anything else": ValueError("x"),
}


def test_the_contents_are_the_headings() -> None:
    text = PAGE.read_text(encoding="utf-8")
    headings = re.findall(r"^## (.+)$", text, re.MULTILINE)
    contents = re.findall(r"^- \[(.+)\]\(#(.+)\)$", text, re.MULTILINE)
    assert contents == [(title, title.lower().replace(" ", "-")) for title in headings]


@pytest.mark.asyncio
async def test_errors_look_as_the_table_says() -> None:
    rows = table(PAGE, "How errors look")
    assert [row[0] for row in rows] == list(RAISED)
    for name, status, kind, code in rows:
        exchange = await complete(saying(RAISED[name]))
        error = exchange.json["error"]
        assert (exchange.status, error["type"], error["code"] or "") == (int(status), kind.strip("`"), code.strip("`"))


REFUSED: dict[str, dict[str, Any]] = {
    "another path under `/v1`": {"path": "/v1/embeddings", "body": BODY},
    "another method": {"method": "PUT", "body": BODY, "key": None},
    "no key, or one that opens no bot": {"body": BODY, "key": "wrong", "headers": {"content-type": "text/plain"}},
    "the body is not JSON by its type, or is compressed": {"body": b"x" * 9_000, "headers": {"content-type": "x/y"}},
    "the body is too large": {"body": b"x" * 9_000},
    "the body is no JSON object": {"body": b"{"},
    "the model is not there, or not for this key": {"body": {"model": "other"}},
    "a field is missing": {"body": {"model": "Echo", "n": None}},
    "a field is wrong": {"body": {**BODY, "n": 2, "tools": 5}},
    "tools for a bot that does not handle them": {
        "body": {**BODY, "tools": [{"type": "function", "function": {"name": "f"}}]}
    },
    "the app drains": {"body": BODY},
}


@pytest.mark.asyncio
async def test_requests_are_refused_as_the_table_says() -> None:
    rows = {when.partition(":")[0]: (status, code) for status, when, code in table(PAGE, "Requests that are refused")}
    del rows["the body comes too slowly"]  # the test of the bad input has a clock for it
    assert list(rows) == list(REFUSED)
    for when, (status, code) in rows.items():
        app = create_app(saying("ok", limits=Limits(body_bytes=5_000)), openai=True, access_key=KEY)
        app.state.poe_asgi.draining = when == "the app drains"
        request = {"path": CHAT, **REFUSED[when]}
        exchange = await post(app, request.pop("body"), **request)
        assert (exchange.status, exchange.json["error"]["code"] or "") == (int(status), code.strip("`")), when
