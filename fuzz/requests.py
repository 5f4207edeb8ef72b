"""Requests to a bot: `parse_json_object` and `parse_request`, and what handlers make of a query.

Property: RequestError alone is raised, quotes nothing that is not ASCII, and tells of 20 fields at most; what `json`
accepts is read as `json` reads it; every string can be encoded; a query survives its own `to_wire`; prompts,
alternation and tool rounds can be made of any history.
"""

from __future__ import annotations

import json
from typing import Any

from poe_asgi.errors import RequestError
from poe_asgi.protocol import (
    QueryRequest,
    alternate_roles,
    insert_attachments,
    insert_tool_rounds,
    parse_json_object,
    parse_request,
    stored_value,
)

from ._support import dump, in_time

MESSAGE = {
    "role": "user",
    "content": "Hi \U0001f600",
    "content_type": "text/markdown",
    "timestamp": 1,
    "message_id": "m-1",
    "feedback": [{"type": "like", "reason": None}],
    "attachments": [
        {"url": "https://pfst.cf2.poecdn.net/base/text/a", "content_type": "text/plain", "name": "a.txt"},
        {"url": "u", "content_type": "image/png", "name": "n", "parsed_content": "n***```"},
        {"url": "u", "content_type": "text/html", "name": "n", "parsed_content": "````x"},
    ],
    "metadata": '{"poe_asgi.tool_rounds": [{"calls": [{"id": "1", "function": {"name": "f", "arguments": "{}"}}], '
    '"results": [{"content": "r", "name": "f", "tool_call_id": "1"}]}], "value": 1}',
    "parameters": {"a": 1.5, "b": [True, None, "\ud800"]},
    "message_type": "function_call",
    "sender": {"id": "u-1", "name": None},
    "sender_id": "u-1",
    "referenced_message": {"role": "bot", "content": "x"},
    "reactions": [{"user_id": "u", "reaction": "heart"}],
}
QUERY: dict[str, Any] = {
    "version": "1.2",
    "type": "query",
    "query": [MESSAGE, {**MESSAGE, "role": "bot", "content_type": "text/new"}, {"role": "agent", "content": "?"}],
    "user_id": "u",
    "conversation_id": None,
    "message_id": "m",
    "metadata": "",
    "temperature": 0.7,
    "skip_system_prompt": True,
    "logit_bias": {"1": -100},
    "stop_sequences": ["x"],
    "language_code": "de",
    "adopt_current_bot_name": None,
    "bot_query_id": "q",
    "users": [{"id": "u", "name": "n"}],
    "tools": [{}],
    "tool_calls": [{}],
    "tool_results": [{}],
    "query_creation_time": 1,
    "extra_params": {},
}
JSON_AFTER = 0  # bytes
SEEDS = [
    dump(QUERY),
    dump({"type": "query", "query": [{"role": "user", "content": "hi"}]}),
    dump({"type": "query", "query": []}),
    dump({"type": "settings", "version": "1.0"}),
    dump({"type": "report_feedback", "message_id": "m", "feedback_type": "like"}),
    dump({"type": "report_reaction", "message_id": "m", "reaction": "heart"}),
    dump({"type": "report_error", "error_message": "m", "metadata": {}, "new": 1}),
    dump({"type": "unknown"}),
    dump({"type": 1}),
    b'{"type": "settings", "\\ud83d\\ude00": "\\ud800", "a": NaN, "b": 1e999, "b": -0, "c": 0.1e-7}',
    b'{"type": "query", "query": [{"role": "user", "content": "\xff"}]}',
    b"\xef\xbb\xbf{}",
    b"[" * 200,
    b'{"a":' * 70 + b"1" + b"}" * 70,
    b"1" * 4096,
]


def check(data: bytes) -> None:
    with in_time():
        try:
            value = parse_json_object(data)
        except RequestError as exc:
            assert str(exc).isascii()
            return
        json.dumps(value, allow_nan=False, ensure_ascii=False).encode()
        read = json.loads(data.decode())
        if b"\\u" not in data:  # else there may be lone surrogates, which are replaced
            assert json.dumps(read) == json.dumps(value)
        try:
            request = parse_request(value)
        except RequestError as exc:
            assert str(exc).isascii()
            assert len(exc.fields) <= 20
            json.dumps(exc.fields).encode()
            return
        repr(request).encode()
        if isinstance(request, QueryRequest):
            _check_query(request)


def _check_query(request: QueryRequest) -> None:
    if request.query:
        assert parse_request(parse_json_object(dump(request.to_wire()))) == request
    prompt = insert_tool_rounds(alternate_roles(insert_attachments(request.query)))
    roles = [each.role for each in prompt if each.message_type is None and each.role != "tool"]
    assert set(roles) <= {"system", "user", "bot"}
    for message in request.query:
        if message.metadata:
            stored_value(message.metadata).encode()
