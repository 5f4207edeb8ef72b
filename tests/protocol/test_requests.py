"""Requests as Poe, other bots and strangers send them: everything tolerable is tolerated, the rest is one clean refusal.

Covers faults of the official SDK, each a 500 or worse there: bodies of the wrong shape; unknown roles, content types,
message types and feedback types anywhere in the history; a missing version; the short reaction body and error reports
without metadata; feedback without a reason; an empty query. And one more: its request objects carry the access key.
"""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, strategies as st

from poe_asgi.errors import RequestError
from poe_asgi.protocol._json import parse_json_object
from poe_asgi.protocol._messages import (
    Attachment,
    Attachments,
    Feedback,
    Message,
    Reaction,
    Sender,
    User,
    user,
)
from poe_asgi.protocol._requests import (
    PROTOCOL_VERSION,
    REQUEST_TYPES,
    ErrorReportRequest,
    FeedbackRequest,
    QueryRequest,
    ReactionRequest,
    Request,
    SettingsRequest,
    UnknownRequestTypeError,
    parse_request,
)

SEEDS = Path(__file__).parents[2] / "../shared/fixtures/seed-requests"
HI = {"role": "user", "content": "hi"}

FULL_MESSAGE = {
    "role": "bot",
    "content": "text",
    "content_type": "text/plain",
    "timestamp": 1_700_000_000_000_000,
    "message_id": "m-0",
    "feedback": [{"type": "like", "reason": "nice"}, {"type": "dislike"}],
    "attachments": [
        {"url": "u1", "name": "n1", "content_type": "image/png", "parsed_content": "n1***a cat", "inline_ref": "r"},
        {"url": "u2", "name": "n2", "content_type": "text/plain"},
    ],
    "metadata": '{"x": 1}',
    "parameters": {"a": [None, {"b": None}], "c": None},
    "message_type": "function_call",
    "sender": {"id": "u-1", "name": "Ann"},
    "sender_id": "u-1",
    "referenced_message": {
        "role": "user",
        "content": "before",
        "referenced_message": {"role": "system", "content": "s"},
    },
    "reactions": [{"user_id": "u-2", "reaction": "heart"}],
}
FULL_QUERY = {
    "version": "1.2",
    "type": "query",
    "query": [FULL_MESSAGE, {"role": "user", "content": "hi"}],
    "user_id": "u-1",
    "conversation_id": "c-1",
    "message_id": "m-1",
    "metadata": "d-1",
    "temperature": 0.5,
    "skip_system_prompt": True,
    "logit_bias": {"token": -100, "other": 0.5},
    "stop_sequences": ["\n\n", ""],
    "language_code": "de",
    "adopt_current_bot_name": False,
    "bot_query_id": "q-1",
    "users": [{"id": "u-1", "name": "Ann"}, {"id": "u-2"}],
    "tools": [{"type": "function", "function": {"name": "f", "parameters": {"x": None}}}],
    "tool_calls": [{"id": "1"}],
    "tool_results": [{"role": "tool", "content": None}],
    "query_creation_time": 1_700_000_000_000_001,
    "extra_params": {"anything": [None]},
}


def query(*messages: object, **fields: object) -> dict[str, Any]:
    return {"type": "query", "query": list(messages), **fields}


def parse(obj: dict[str, Any]) -> QueryRequest:
    request = parse_request(obj)
    assert isinstance(request, QueryRequest)
    return request


def parse_message(**fields: object) -> Message:
    [message] = parse(query({**HI, **fields})).query
    return message


def refused(obj: dict[str, Any]) -> dict[str, str]:
    with pytest.raises(RequestError) as caught:
        parse_request(obj)
    assert type(caught.value) is RequestError
    assert caught.value.__context__ is None  # what it was made of holds the request's values
    return dict(caught.value.fields)


def test_a_query_is_read_with_every_field() -> None:
    assert parse(FULL_QUERY) == QueryRequest(
        (
            Message(
                role="bot",
                content="text",
                content_type="text/plain",
                timestamp=1_700_000_000_000_000,
                message_id="m-0",
                feedback=(Feedback(type="like", reason="nice"), Feedback(type="dislike", reason=None)),
                attachments=Attachments(
                    [
                        Attachment(
                            url="u1", name="n1", content_type="image/png", parsed_content="n1***a cat", inline_ref="r"
                        ),
                        Attachment(url="u2", name="n2", content_type="text/plain"),
                    ]
                ),
                metadata='{"x": 1}',
                parameters={"a": [None, {"b": None}], "c": None},
                message_type="function_call",
                sender=Sender(id="u-1", name="Ann"),
                sender_id="u-1",
                referenced_message=Message("user", "before", referenced_message=Message("system", "s")),
                reactions=(Reaction(user_id="u-2", reaction="heart"),),
            ),
            Message("user", "hi"),
        ),
        version="1.2",
        user_id="u-1",
        conversation_id="c-1",
        message_id="m-1",
        metadata="d-1",
        temperature=0.5,
        skip_system_prompt=True,
        logit_bias={"token": -100, "other": 0.5},
        stop_sequences=("\n\n", ""),
        language_code="de",
        adopt_current_bot_name=False,
        bot_query_id="q-1",
        users=(User(id="u-1", name="Ann"), User(id="u-2", name=None)),
        tools=({"type": "function", "function": {"name": "f", "parameters": {"x": None}}},),
        tool_calls=({"id": "1"},),
        tool_results=({"role": "tool", "content": None},),
        query_creation_time=1_700_000_000_000_001,
        extra_params={"anything": [None]},
    )


def test_the_attachments_read_can_be_asked_for_their_kinds() -> None:
    [message, _] = parse(FULL_QUERY).query
    assert isinstance(message.attachments, Attachments)
    assert [each.name for each in message.attachments.images] == ["n1"]
    assert isinstance(parse_message().attachments, Attachments)


def test_a_query_needs_only_messages_with_role_and_content() -> None:
    assert parse(query(HI)) == QueryRequest((user("hi"),))
    request = parse(query(HI))
    assert request.version == "1.0"
    assert (request.user_id, request.conversation_id, request.message_id, request.metadata) == ("", "", "", "")
    assert (request.bot_query_id, request.language_code, request.skip_system_prompt) == ("", "en", False)
    assert (request.stop_sequences, request.users, request.tools, request.logit_bias) == ((), (), (), {})
    assert (request.temperature, request.extra_params, request.adopt_current_bot_name) == (None, None, None)


def test_null_counts_as_absent_in_every_optional_field_of_a_query() -> None:
    nulls = dict.fromkeys(field.name for field in dataclasses.fields(QueryRequest) if field.name != "query")
    assert parse(query(HI, **nulls)) == parse(query(HI))


def test_null_counts_as_absent_in_every_optional_field_of_a_message_at_any_depth() -> None:
    nulls = dict.fromkeys(f.name for f in dataclasses.fields(Message) if f.name not in {"role", "content"})
    assert parse_message(**nulls) == user("hi")
    message = parse_message(
        feedback=[{"type": "like", "reason": None}],
        attachments=[{"url": "u", "name": "n", "content_type": "t", "parsed_content": None, "inline_ref": None}],
        sender={"id": None, "name": None},
        reactions=[{"user_id": None, "reaction": "sad"}],
        referenced_message={**HI, **nulls, "referenced_message": {**HI, **nulls}},
    )
    assert message == Message(
        "user",
        "hi",
        feedback=(Feedback(type="like"),),
        attachments=Attachments([Attachment(url="u", name="n", content_type="t")]),
        sender=Sender(),
        reactions=(Reaction(reaction="sad"),),
        referenced_message=Message("user", "hi", referenced_message=user("hi")),
    )
    assert parse(query(HI, users=[{"id": None, "name": None}, {}])).users == (User(), User())


@pytest.mark.parametrize("field", ["role", "content"])
def test_null_is_no_value_for_a_required_field(field: str) -> None:
    assert refused(query({**HI, field: None})).keys() == {f"query.0.{field}"}


def test_unknown_keys_are_ignored_everywhere() -> None:
    new = {"new": object()}
    message = {
        **HI,
        **new,
        "feedback": [{"type": "like", **new}],
        "attachments": [{"url": "u", "name": "n", "content_type": "t", **new}],
        "sender": new,
        "reactions": [{"user_id": "u", "reaction": "r", **new}],
        "referenced_message": {**HI, **new},
    }
    request = parse(query(message, users=[{"id": "u", **new}], **new))
    assert "new" not in json.dumps(request.to_wire())


@pytest.mark.parametrize("role", ["system", "user", "bot", "tool"])
def test_known_roles_are_kept(role: str) -> None:
    assert parse_message(role=role).role == role


@pytest.mark.parametrize("role", ["assistant", "developer", "User", ""])
def test_a_message_of_an_unknown_role_is_left_out(role: str) -> None:
    assert parse(query({"role": role, "content": "x"}, HI)).query == (user("hi"),)


def test_a_message_of_an_unknown_role_is_left_out_whatever_else_it_holds() -> None:
    odd = {"role": "alien", "content": {"parts": []}, "attachments": 5, "timestamp": "soon"}
    assert parse(query(odd, HI, {"role": "alien"})).query == (user("hi"),)


def test_a_query_of_which_every_message_is_left_out_is_empty() -> None:
    assert parse(query({"role": "alien", "content": "x"})).query == ()


def test_a_query_without_a_message_of_a_user_is_fine() -> None:
    assert [each.role for each in parse(query({"role": "bot", "content": "x"})).query] == ["bot"]


def test_errors_count_the_messages_that_are_left_out() -> None:
    odd = {"role": "alien", "content": 5}
    assert refused(query(odd, HI, odd, {"role": "user", "content": 5})).keys() == {"query.3.content"}


@pytest.mark.parametrize(
    "reference", [{"role": "alien", "content": "x"}, {"role": "alien", "content": 5}, {"role": "alien"}]
)
def test_a_reference_to_a_message_of_an_unknown_role_is_dropped(reference: object) -> None:
    assert parse_message(referenced_message=reference) == user("hi")
    nested = parse_message(referenced_message={**HI, "referenced_message": reference})
    assert nested.referenced_message == user("hi")


def test_an_unknown_content_type_is_kept_as_plain_text() -> None:
    message = parse_message(content_type="text/x-new", referenced_message={**HI, "content_type": "text/html"})
    assert message.content_type == "text/plain"
    assert message.referenced_message == user("hi").replace(content_type="text/plain")


@pytest.mark.parametrize("content_type", ["text/plain", "text/markdown"])
def test_known_content_types_are_kept(content_type: str) -> None:
    assert parse_message(content_type=content_type).content_type == content_type


def test_unknown_feedback_types_reactions_and_message_types_are_kept() -> None:
    message = parse_message(
        feedback=[{"type": "shrug"}], reactions=[{"user_id": "u", "reaction": "party"}], message_type="new"
    )
    assert message.feedback == (Feedback(type="shrug"),)
    assert message.reactions == (Reaction(user_id="u", reaction="party"),)
    assert message.message_type == "new"


def test_feedback_may_lack_a_reason_and_a_reaction_its_user() -> None:
    message = parse_message(feedback=[{"type": "like"}], reactions=[{"reaction": "sad"}])
    assert message.feedback[0].reason is None
    assert message.reactions[0].user_id == ""


@pytest.mark.parametrize("value", ["", "u-1", "not an identifier", "m-a123456789012345"])
def test_any_string_is_accepted_as_an_identifier(value: str) -> None:
    request = parse(
        query(HI, user_id=value, conversation_id=value, message_id=value, metadata=value, bot_query_id=value)
    )
    assert (request.user_id, request.conversation_id, request.message_id) == (value, value, value)
    assert (request.metadata, request.bot_query_id) == (value, value)


@pytest.mark.parametrize("version", ["1.0", "1.1", "1.2", "7.0", ""])
def test_every_version_is_accepted(version: str) -> None:
    assert parse(query(HI, version=version)).version == version
    assert parse_request({"type": "settings", "version": version}) == SettingsRequest(version=version)


def test_an_empty_query_is_refused() -> None:
    assert refused(query()) == {"query": "There should be at least one message"}


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (5, "Input should be an array"),
        ("hi", "Input should be an array"),
        ({"role": "user", "content": "hi"}, "Input should be an array"),
        (None, "Field required"),
    ],
)
def test_a_query_that_is_no_array_is_refused(value: object, message: str) -> None:
    assert refused({"type": "query", "query": value}) == {"query": message}


@pytest.mark.parametrize(
    ("message", "path", "problem"),
    [
        (5, "query.0", "Input should be an object"),
        (None, "query.0", "Input should be an object"),
        ({"content": ""}, "query.0.role", "Field required"),
        ({"role": 5, "content": ""}, "query.0.role", "Input should be a valid string"),
        ({"role": "user"}, "query.0.content", "Field required"),
        ({**HI, "content": ["hi"]}, "query.0.content", "Input should be a valid string"),
        ({**HI, "content_type": 5}, "query.0.content_type", "Input should be a valid string"),
        ({**HI, "feedback": {}}, "query.0.feedback", "Input should be an array"),
        ({**HI, "feedback": [5]}, "query.0.feedback.0", "Input should be an object"),
        ({**HI, "feedback": [{}]}, "query.0.feedback.0.type", "Field required"),
        ({**HI, "attachments": [{"url": "u", "name": "n"}]}, "query.0.attachments.0.content_type", "Field required"),
        ({**HI, "attachments": "x"}, "query.0.attachments", "Input should be an array"),
        ({**HI, "metadata": {}}, "query.0.metadata", "Input should be a valid string"),
        ({**HI, "parameters": []}, "query.0.parameters", "Input should be an object"),
        ({**HI, "message_type": 5}, "query.0.message_type", "Input should be a valid string"),
        ({**HI, "sender": "Ann"}, "query.0.sender", "Input should be an object"),
        ({**HI, "sender": {"name": 5}}, "query.0.sender.name", "Input should be a valid string"),
        ({**HI, "reactions": [{}]}, "query.0.reactions.0.reaction", "Field required"),
        ({**HI, "referenced_message": 5}, "query.0.referenced_message", "Input should be an object"),
        (
            {**HI, "referenced_message": {**HI, "referenced_message": {"role": "user"}}},
            "query.0.referenced_message.referenced_message.content",
            "Field required",
        ),
    ],
)
def test_a_message_of_the_wrong_shape_is_refused_with_the_path_to_it(message: object, path: str, problem: str) -> None:
    assert refused(query(message)) == {path: problem}


@pytest.mark.parametrize(
    ("field", "value", "path"),
    [
        ("version", 1.2, "version"),
        ("user_id", 5, "user_id"),
        ("conversation_id", [], "conversation_id"),
        ("message_id", {}, "message_id"),
        ("metadata", {}, "metadata"),
        ("temperature", "hot", "temperature"),
        ("temperature", "nan", "temperature"),
        ("temperature", float("inf"), "temperature"),
        ("temperature", 10**400, "temperature"),
        ("skip_system_prompt", "perhaps", "skip_system_prompt"),
        ("logit_bias", [], "logit_bias"),
        ("logit_bias", {"content": "much"}, "logit_bias.content"),
        ("logit_bias", {"secret-token": float("nan")}, "logit_bias"),
        ("logit_bias", {"secret-token": True}, "logit_bias"),
        ("stop_sequences", "\n", "stop_sequences"),
        ("stop_sequences", ["\n", 5], "stop_sequences.1"),
        ("language_code", 5, "language_code"),
        ("adopt_current_bot_name", "perhaps", "adopt_current_bot_name"),
        ("bot_query_id", 5, "bot_query_id"),
        ("users", [{"id": 5}], "users.0.id"),
        ("users", {}, "users"),
        ("tools", {}, "tools"),
        ("tools", [{}, 5], "tools.1"),
        ("tool_calls", [5], "tool_calls.0"),
        ("tool_results", [5], "tool_results.0"),
        ("query_creation_time", "soon", "query_creation_time"),
        ("extra_params", [], "extra_params"),
    ],
)
def test_a_field_of_the_wrong_shape_is_refused_with_the_path_to_it(field: str, value: object, path: str) -> None:
    # logit_bias is judged as a whole: its keys are the sender's words
    assert refused(query(HI, **{field: value})).keys() == {path.replace("logit_bias.content", "logit_bias")}


def test_all_that_is_wrong_is_told_at_once_and_the_first_of_it_in_the_sentence() -> None:
    obj = query({"role": "user", "content": 5, "timestamp": "x", "sender": 5}, temperature="hot", tools=5)
    with pytest.raises(RequestError, match=r"query\.0\.content: Input should be a valid string") as caught:
        parse_request(obj)
    assert [path for path, _ in caught.value.fields] == [
        "query.0.content",
        "query.0.timestamp",
        "query.0.sender",
        "temperature",
        "tools",
    ]


def test_at_most_20_fields_are_told() -> None:
    fields = {field.name: object() for field in dataclasses.fields(QueryRequest)}
    message = {field.name: object() for field in dataclasses.fields(Message)} | {"role": "user"}
    assert len(refused({**fields, "type": "query", "query": [message]})) == 20


@pytest.mark.parametrize(
    "many", [{"query": [5] * 50_000}, {"query": [HI], "logit_bias": dict.fromkeys(map(str, range(50_000)), "x")}]
)
def test_a_body_full_of_errors_is_judged_by_its_first(many: dict[str, Any]) -> None:
    assert len(refused({"type": "query", **many})) == 1


def test_a_refusal_quotes_no_value_and_no_free_key() -> None:
    secret = "hunter2"
    wrong = {
        secret: secret,
        "role": "user",
        "content": [secret],
        "timestamp": secret,
        "sender": secret,
        "parameters": secret,
    }
    obj = query(
        wrong, temperature=secret, logit_bias={secret: secret}, users=[secret], skip_system_prompt=secret, tools=secret
    )
    with pytest.raises(RequestError) as caught:
        parse_request(obj)
    assert secret not in str(caught.value)
    assert len(caught.value.fields) == 9
    assert secret not in repr(caught.value.fields)


@pytest.mark.parametrize("obj", [{}, {"type": None}, {"type": 5}, {"type": ["query"]}, {"type": {}}, {"type": True}])
def test_a_request_without_a_type_that_is_a_string_is_refused(obj: dict[str, Any]) -> None:
    assert refused(obj).keys() == {"type"}


@pytest.mark.parametrize("kind", ["", "Query", "query ", "report_new", "error", "\ufffd" * 1000])
def test_an_unknown_type_is_told_apart_and_not_quoted(kind: str) -> None:
    with pytest.raises(UnknownRequestTypeError) as caught:
        parse_request({"type": kind, "query": 5})
    assert caught.value.fields == (("type", "Unknown type of request"),)
    assert str(caught.value) == "The request's type is not known."


def test_the_types_of_requests_are_those_of_the_protocol() -> None:
    assert list(REQUEST_TYPES) == ["query", "settings", "report_feedback", "report_reaction", "report_error"]


def test_a_settings_request_needs_nothing_else() -> None:
    assert parse_request({"type": "settings"}) == SettingsRequest(version="1.0")
    assert parse_request({"type": "settings", "version": None, "new": 1}) == SettingsRequest()


def test_a_reaction_is_read_with_every_field() -> None:
    obj = {"message_id": "m-1", "user_id": "u-1", "conversation_id": "c-1", "reaction": "heart", "version": "1.2"}
    assert parse_request({"type": "report_reaction", **obj}) == ReactionRequest(**obj)


def test_a_reaction_needs_only_the_message_and_the_reaction() -> None:
    short = {"type": "report_reaction", "message_id": "m-1", "reaction": "a new one"}
    expected = ReactionRequest(version="1.0", message_id="m-1", user_id="", conversation_id="", reaction="a new one")
    assert parse_request(short) == expected
    assert parse_request({**short, "user_id": None, "conversation_id": None, "version": None}) == expected
    assert refused({"type": "report_reaction"}).keys() == {"message_id", "reaction"}


def test_feedback_is_read_with_every_field_and_without_the_optional_ones() -> None:
    obj = {"message_id": "m-1", "user_id": "u-1", "conversation_id": "c-1", "feedback_type": "like", "version": "1.2"}
    assert parse_request({"type": "report_feedback", **obj}) == FeedbackRequest(**obj)
    short = {"type": "report_feedback", "message_id": "m-1", "feedback_type": "a new one"}
    assert parse_request(short) == FeedbackRequest(message_id="m-1", feedback_type="a new one")
    assert refused({"type": "report_feedback", "feedback_type": 5}).keys() == {"message_id", "feedback_type"}


def test_an_error_report_is_read_in_the_official_form() -> None:
    obj = {"type": "report_error", "version": "1.2", "message": "bad event", "metadata": {"id": None}}
    assert parse_request(obj) == ErrorReportRequest(version="1.2", message="bad event", metadata={"id": None})


def test_an_error_report_is_read_in_the_other_form_and_keeps_what_is_unknown() -> None:
    obj = {"type": "report_error", "error_message": "bad", "message_id": "m-1", "conversation_id": "c-1", "extra": [5]}
    assert parse_request(obj) == ErrorReportRequest(
        message="bad", extra={"message_id": "m-1", "conversation_id": "c-1", "extra": [5]}
    )


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, ErrorReportRequest()),
        ({"message": None, "metadata": None}, ErrorReportRequest()),
        ({"message": None, "error_message": "b"}, ErrorReportRequest(message="b")),
        ({"message": "a", "error_message": "b"}, ErrorReportRequest(message="a", extra={"error_message": "b"})),
        ({"error_message": [5]}, ErrorReportRequest(extra={"error_message": [5]})),
    ],
)
def test_an_error_report_may_lack_everything(fields: dict[str, Any], expected: ErrorReportRequest) -> None:
    assert parse_request({"type": "report_error", **fields}) == expected


def test_an_error_report_of_the_wrong_shape_is_refused() -> None:
    assert refused({"type": "report_error", "message": 5, "metadata": "x"}).keys() == {"message", "metadata"}


def test_no_request_has_a_field_for_a_key_so_none_shows_one() -> None:
    request = parse(query(HI, access_key="k" * 32, api_key="k" * 32))
    assert "k" * 32 not in repr(request)
    assert "k" * 32 not in json.dumps(request.to_wire())


def test_references_as_deep_as_a_body_may_nest_are_read_shown_and_sent() -> None:
    message: dict[str, Any] = HI
    for _ in range(61):
        message = {**HI, "referenced_message": message}
    body = json.dumps(query(message)).encode()
    request = parse(parse_json_object(body))
    assert repr(request).count("content='hi'") == 62
    assert parse(request.to_wire()) == request


@pytest.mark.parametrize("depth", [300, 100_000])
def test_references_beyond_any_depth_are_refused(depth: int) -> None:
    message: dict[str, Any] = {**HI, "content_type": "text/new"}
    for _ in range(depth):
        message = {**HI, "referenced_message": message}
    with pytest.raises(RequestError):
        parse_request(query(message))


def test_a_query_goes_out_as_it_came_with_its_keys_in_the_order_of_poes_clients() -> None:
    wire = parse(FULL_QUERY).to_wire()
    assert wire == FULL_QUERY
    assert list(wire) == list(FULL_QUERY)
    assert json.loads(json.dumps(wire)) == wire


def test_a_small_query_goes_out_with_ids_and_without_what_is_unset() -> None:
    assert QueryRequest((user("hi"),), version=PROTOCOL_VERSION).to_wire() == {
        "version": "1.2",
        "type": "query",
        "query": [HI],
        "user_id": "",
        "conversation_id": "",
        "message_id": "",
    }


def test_hints_that_are_zero_or_false_go_out_because_they_are_set() -> None:
    wire = QueryRequest((user("hi"),), temperature=0.0, adopt_current_bot_name=False, query_creation_time=0).to_wire()
    assert (wire["temperature"], wire["adopt_current_bot_name"], wire["query_creation_time"]) == (0.0, False, 0)


def seed(name: str) -> dict[str, Any]:
    path = SEEDS / name
    if not path.exists():
        pytest.skip(f"{name} is kept outside the project and is not here")
    return parse_json_object(path.read_bytes())


IDS: dict[str, Any] = {
    f"{name}_id": f"{name[0]}-a1234567890123456789012345678901" for name in ("message", "user", "conversation")
}


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("query.json", QueryRequest((user("hi"),), **IDS)),
        (
            "query-with-hints.json",
            QueryRequest(
                (Message("system", "system prompt"), user("hello")),
                temperature=0.7,
                stop_sequences=("\n\n",),
                logit_bias={"token": 0.5},
                **IDS,
            ),
        ),
        ("report_reaction.json", ReactionRequest(message_id=IDS["message_id"], reaction="heart")),
        ("settings.json", SettingsRequest()),
    ],
)
def test_the_requests_of_the_quick_reference_are_read(name: str, expected: Request) -> None:
    assert parse_request(seed(name)) == expected


LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5)
JSON = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


def like(obj: object) -> st.SearchStrategy[Any]:
    """JSON of this shape, in which anything can be missing or something else."""
    if isinstance(obj, dict):
        shape: st.SearchStrategy[Any] = st.fixed_dictionaries(
            {}, optional={key: like(value) for key, value in obj.items()}
        )
    elif isinstance(obj, list):
        shape = st.lists(st.one_of([like(value) for value in obj]), max_size=3)
    else:
        shape = st.just(obj)
    return st.one_of(shape, shape, shape, JSON)


@given(
    st.sampled_from([*REQUEST_TYPES, "other"]), like({**FULL_QUERY, "query": [FULL_MESSAGE, {"role": "alien"}]}) | JSON
)
def test_whatever_is_sent_is_read_or_refused(kind: str, obj: Any) -> None:
    obj = {**(obj if isinstance(obj, dict) else {"query": obj}), "type": kind}
    try:
        request = parse_request(obj)
    except RequestError as error:
        assert 1 <= len(error.fields) <= 20  # noqa: PT017
        assert all("[" not in path for path, _ in error.fields)  # noqa: PT017
        return
    assert repr(request)
    if isinstance(request, QueryRequest):
        assert all(isinstance(message.attachments, Attachments) for message in request.query)
        if request.query:
            sent = json.dumps(request.to_wire())
            assert json.dumps(parse(json.loads(sent)).to_wire()) == sent
