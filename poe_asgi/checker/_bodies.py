"""The bodies a check sends, in the shapes that Poe and its documents use."""

from __future__ import annotations

import json
from collections.abc import Mapping
from itertools import count
from typing import Any

USER = "u-" + "0" * 31 + "1"
CONVERSATION = "c-" + "0" * 31 + "1"
HELLO = {"role": "user", "content": "Hello"}

_numbers = count(1)


def message_id() -> str:
    """A new one, of the published form."""
    return f"m-{next(_numbers):032d}"


def query(*messages: dict[str, Any], **fields: Any) -> dict[str, Any]:
    """A query as short as Poe's quick reference has it, with an id to charge on; ``fields`` replace and add."""
    return {
        "version": "1.0",
        "type": "query",
        "query": list(messages or (HELLO,)),
        "message_id": message_id(),
        "user_id": USER,
        "conversation_id": CONVERSATION,
        "bot_query_id": "check",
        **fields,
    }


def with_hints() -> dict[str, Any]:
    """A query with a system prompt and the hints for a model."""
    return query(
        {"role": "system", "content": "Be brief."},
        HELLO,
        temperature=0.7,
        skip_system_prompt=False,
        stop_sequences=["\n\n"],
        logit_bias={"token": 0.5},
    )


def full() -> dict[str, Any]:
    """A query with every field that is documented, the ones that may be null among them."""
    nulls: dict[str, Any] = dict.fromkeys(("metadata", "message_type", "sender", "sender_id", "referenced_message"))
    question = {
        **HELLO,
        **nulls,
        "content_type": "text/markdown",
        "timestamp": 1_700_000_000_000_000,
        "message_id": message_id(),
        "feedback": [{"type": "like", "reason": None}],
        "attachments": [],
        "parameters": {},
        "reactions": [{"user_id": USER, "reaction": "heart"}],
    }
    answer = {**question, "role": "bot", "content": "Hello!", "metadata": "{}", "sender": {"id": None, "name": "Bot"}}
    asked = {**question, "sender": {"id": USER, "name": "Ada"}, "referenced_message": answer}
    empty = ("temperature", "adopt_current_bot_name", "tools", "tool_calls", "tool_results", "extra_params")
    return query(
        question,
        answer,
        asked,
        version="1.2",
        metadata="d-" + "0" * 32,
        skip_system_prompt=False,
        logit_bias={},
        stop_sequences=[],
        language_code="en",
        users=[{"id": USER, "name": "Ada"}],
        query_creation_time=1_700_000_000_000_000,
        **dict.fromkeys(empty),
    )


def with_attachments() -> dict[str, Any]:
    """A query with a text that Poe has read, and a file that it has not."""
    notes = {
        "url": "https://example.com/notes.txt",
        "content_type": "text/plain",
        "name": "notes.txt",
        "parsed_content": "Buy milk.",
    }
    song = {"url": "https://example.com/song.mp3", "content_type": "audio/mpeg", "name": "song.mp3"}
    return query({**HELLO, "attachments": [notes, {**song, "parsed_content": None, "inline_ref": None}]})


def history() -> dict[str, Any]:
    """A query with as many messages as Poe sends."""
    roles = ("user", "bot")
    said = "This is a sentence of a long conversation, of the length that sentences have. "
    messages = [{"role": roles[number % 2], "content": said * 3} for number in range(999)]
    return query(*messages, HELLO)


def report(kind: str, **fields: Any) -> dict[str, Any]:
    """A report of a reaction, of feedback or of an error, with the fields that the specification requires."""
    if kind == "report_error":
        return {"version": "1.0", "type": kind, "message": "An example.", "metadata": {}, **fields}
    ids = {"message_id": message_id(), "user_id": USER, "conversation_id": CONVERSATION}
    value = {"reaction": "heart"} if kind == "report_reaction" else {"feedback_type": "like"}
    return {"version": "1.0", "type": kind, **ids, **value, **fields}


def brief(body: Mapping[str, Any]) -> str:
    """The body as JSON; where it has all that is usual, ``…`` stands for that."""
    if not body.keys() >= {"version", "message_id", "user_id", "conversation_id"}:
        return json.dumps(body)
    usual = {"version": "1.0", "user_id": USER, "conversation_id": CONVERSATION, "bot_query_id": "check"}
    special = {key: value for key, value in body.items() if usual.get(key) != value and not _is_numbered(key, value)}
    return f"{json.dumps(special)[:-1]}, …}}"


def _is_numbered(key: str, value: object) -> bool:
    return key == "message_id" and isinstance(value, str) and value.startswith("m-0")


REPORTS = ("report_reaction", "report_feedback", "report_error")
