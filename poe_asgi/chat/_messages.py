"""Messages as the OpenAI-compatible API takes them (reference: content parts, tools over the bot query API).

Whatever can be told to be wrong is told before anything is read or fetched.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeAlias

from ..client import Connection
from ..errors import ConfigurationError, did_you_mean
from ..protocol import Message, ToolResult, ToolRound
from ._content import check_parts, in_parts

ChatMessage: TypeAlias = "Message | Mapping[str, Any] | ToolResult | ToolRound"
Messages: TypeAlias = "str | Message | Mapping[str, Any] | Sequence[ChatMessage]"

_ROLES = ("system", "developer", "user", "assistant", "tool")
_RENAMED = {"bot": "assistant", "agent": "assistant"}
_INSTEAD_OF_CONTENT = ("tool_calls", "function_call", "refusal", "audio")


async def wire_messages(messages: Messages, connection: Connection) -> list[dict[str, Any]]:
    """The messages as they are sent: dictionaries of JSON types; what was given is not changed.

    A ``str`` is one message of the user. Dictionaries as in the OpenAI API go as they are, unknown members too, but
    for the roles ``bot`` and ``agent``, which become ``assistant``, and for values in a list of content: a ``str``, a
    `File`, a path, or bytes become parts. `Message` values take their attachments with them as parts, and those of
    tool traffic become calls and results, as a `ToolRound` does; their parameters and metadata stay here.

    Raises ConfigurationError, which names the place, for what is no message; OSError when a path cannot be read,
    FileTooLargeError, and what `poe_asgi.client.download` raises for files that are fetched.
    """
    drafts: list[dict[str, Any]] = []
    called: set[Any] = set()
    listed = _listed(messages)
    for number, message in enumerate(listed):
        for draft in _drafts(_without_told(message, listed), f"messages[{number}]", called):
            called.update(_ids(draft.get("tool_calls")))
            drafts.append(draft)
    contents = await in_parts([draft.get("content") for draft in drafts], connection)
    return [
        {**draft, "content": content} if "content" in draft else draft
        for draft, content in zip(drafts, contents, strict=True)
    ]


def _listed(messages: Any) -> Sequence[Any]:
    if isinstance(messages, str):
        return [{"role": "user", "content": messages}]
    if isinstance(messages, (Message, Mapping)):
        return [messages]
    if not isinstance(messages, Sequence) or isinstance(messages, (bytes, bytearray, memoryview)):
        raise ConfigurationError(
            "Messages are a str, a Message, a dictionary with role and content, or a list of the latter two, "
            f"not {type(messages).__name__}."
        )
    if not messages:
        raise ConfigurationError('There are no messages: give at least one, as in [{"role": "user", "content": "Hi"}].')
    return messages


def _drafts(message: Any, place: str, called: set[Any]) -> list[dict[str, Any]]:
    """What becomes of one message: dictionaries whose content may still hold files."""
    match message:
        case ToolRound():
            wire = message.to_wire()
            return [_asking(wire["calls"]), *wire["results"]]
        case ToolResult():
            return [message.to_wire()]
        case Message():
            return _of_message(message, place, called)
        case Mapping():
            return [_of_mapping(message, place)]
    fix = (
        "write user(…) around it" if isinstance(message, str) else "write a Message, or a dictionary with role, content"
    )
    raise ConfigurationError(f"{place} is no message but a value of type {type(message).__name__}: {fix}.")


def _of_mapping(message: Mapping[str, Any], place: str) -> dict[str, Any]:
    role, content = _role(message.get("role"), place), message.get("content")
    if content is None and not (role == "assistant" and any(message.get(name) for name in _INSTEAD_OF_CONTENT)):
        raise ConfigurationError(f'{place} has no content: give it a str or a list of parts under "content".')
    if isinstance(content, (list, tuple)):
        check_parts(content, f"{place}.content")
    elif not (content is None or isinstance(content, str)):
        raise ConfigurationError(
            f"{place}.content is a str or a list of parts, not {type(content).__name__}; a file stands in such a list."
        )
    return {**message, "role": role}


def _without_told(message: Any, messages: Sequence[Any]) -> Any:
    """A message without the attachments whose text another message tells, as those of ``ctx.prompt()`` do."""
    if not isinstance(message, Message) or not message.attachments:
        return message
    told = "\n".join(each.content for each in messages if isinstance(each, Message) and each is not message)
    kept = [each for each in message.attachments if each.is_image or (each.parsed_content or "\0") not in told]
    return message.replace(attachments=kept)


def _of_message(message: Message, place: str, called: set[Any]) -> list[dict[str, Any]]:
    role = _role(message.role, place)
    if message.message_type == "function_call" and (calls := _calls(message.content)):
        return [_asking(calls)]
    if role == "tool":
        # What is no result, or one of a call that is not in the conversation, would have the whole of it refused.
        if results := _results(message.content, called):
            return results
        role = "user"
    if not message.attachments:
        return [{"role": role, "content": message.content}]
    check_parts(message.attachments, f"{place}.attachments")
    text = [message.content] if message.content else []
    return [{"role": role, "content": [*text, *message.attachments]}]


def _role(given: Any, place: str) -> str:
    known = ", ".join(_ROLES)
    if not isinstance(given, str):
        raise ConfigurationError(f"{place} has no role: give it one of {known}.")
    role = _RENAMED.get(given, given)
    if role not in _ROLES:
        raise ConfigurationError(f"{place} has the role {role!r:.100}; there are {known}.{did_you_mean(role, _ROLES)}")
    return role


def _asking(calls: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The content is empty and not null, as in the API's own answers."""
    return {"role": "assistant", "content": "", "tool_calls": calls}


def _calls(content: str) -> list[dict[str, Any]] | None:
    """The calls that are written there, or None unless all of them are sound."""
    calls = _objects(content)
    sound = all(
        isinstance(call.get("function"), dict)
        and isinstance(call["function"].get("name"), str)
        and isinstance(call["function"].get("arguments"), str)
        for call in calls
    )
    return calls if sound and len(_ids(calls)) == len(calls) else None


def _results(content: str, called: set[Any]) -> list[dict[str, Any]] | None:
    """The results that are written there, or None unless all of them are sound."""
    results = _objects(content)
    sound = all(
        isinstance(result.get("content"), str)
        and isinstance(result.get("tool_call_id"), str)
        and result["tool_call_id"] in called
        for result in results
    )
    return [{**result, "role": "tool"} for result in results] if sound else None


def _objects(content: str) -> list[dict[str, Any]]:
    """The JSON objects of an array of nothing else; none of anything else."""
    try:
        listed = json.loads(content)
    except (ValueError, RecursionError):
        return []
    return listed if isinstance(listed, list) and all(isinstance(each, dict) for each in listed) else []


def _ids(calls: Any) -> list[str]:
    calls = calls if isinstance(calls, Iterable) else ()
    ids = (call.get("id") for call in calls if isinstance(call, Mapping))
    return [each for each in ids if isinstance(each, str) and each]
