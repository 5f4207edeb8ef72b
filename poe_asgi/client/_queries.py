"""What goes out in a query to another bot."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from ..errors import ConfigurationError
from ..protocol import PROTOCOL_VERSION, Attachments, File, Message, QueryRequest, system as system_message, user

Messages = str | Message | Sequence[Message]


def compose(
    query: QueryRequest | None,
    messages: Messages | None,
    *,
    system: str | None = None,
    attachments: Iterable[File] = (),
    parameters: Mapping[str, Any] | None = None,
    **hints: Any,
) -> QueryRequest:
    """The query to send: this conversation, or these messages, with what the call adds.

    Within a query the ids and ``metadata`` of that query go along, so that the chatting user pays; its hints do too
    unless the call sets its own. Raises ConfigurationError when there are no messages at all.
    """
    conversation = _as_messages(query.query if query is not None and messages is None else messages)
    if not conversation:
        raise ConfigurationError("There is nothing to send: give messages, or a text.")
    # A message's metadata is this bot's own; to another bot it would look like something it had stored itself.
    conversation = [message.replace(metadata=None) if message.metadata else message for message in conversation]
    last = conversation[-1]
    added = Attachments.of(attachments)
    if added:
        last = last.replace(attachments=Attachments((*last.attachments, *added)))
    last = last.replace(parameters=dict(parameters or {})) if parameters is not None else last
    conversation[-1] = last
    if system is not None:
        conversation.insert(0, system_message(system))
    given = {name: value for name, value in hints.items() if value is not None}
    base = query if query is not None else QueryRequest(())
    # Tools that came with the query were meant for this bot: a relay could not hand their calls back.
    own = {"version": PROTOCOL_VERSION, "tools": (), "tool_calls": (), "tool_results": ()}
    return replace(base, query=tuple(conversation), **{**own, **given})


def encode(query: QueryRequest) -> bytes:
    """The body of a query: JSON in ASCII, so that lone surrogates go through."""
    return json.dumps(query.to_wire()).encode("ascii")


def _as_messages(messages: Messages | None) -> list[Message]:
    if messages is None:
        return []
    if isinstance(messages, str):
        return [user(messages)]
    if isinstance(messages, Message):
        return [messages]
    for message in messages:
        if not isinstance(message, Message):
            raise ConfigurationError(
                f"Messages are a str or Message values, not {type(message).__name__}: system(…), user(…), assistant(…)."
            )
    return list(messages)
