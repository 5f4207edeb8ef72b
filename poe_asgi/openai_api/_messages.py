"""The messages of a chat completion as those of a query."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from ..protocol import (
    Attachment,
    Attachments,
    Message,
    Sender,
    ToolCall,
    ToolResult,
    ToolRound,
    data_url_content,
    message_from_parts,
)
from ._errors import invalid

_ROLES = ("system", "developer", "user", "assistant", "tool")
_SCHEMES = ("https://", "http://", "data:")


def read_messages(raw: Sequence[Any]) -> tuple[Message, ...]:
    """The messages, oldest first. Raises RefusedError, 400, with the place that is wrong.

    Calls of tools and their results become the two messages of a `ToolRound`.
    """
    messages: list[Message] = []
    calls: tuple[ToolCall, ...] = ()
    results: list[ToolResult] = []
    for number, each in enumerate(raw):
        where = f"messages[{number}]"
        role = each.get("role") if isinstance(each, dict) else None
        if role not in _ROLES:
            raise invalid(f"The role of a message must be one of {', '.join(_ROLES)}.", f"{where}.role")
        if role == "tool":
            results.append(_result(each, calls, where))
            continue
        messages += _round(calls, results)
        calls, results = (), []
        if role == "assistant" and each.get("tool_calls"):
            calls = _calls(each["tool_calls"], f"{where}.tool_calls")
            if not each.get("content"):
                continue
        messages.append(_message(role, each, where))
    return (*messages, *_round(calls, results))


def _message(role: str, raw: Mapping[str, Any], where: str) -> Message:
    message = message_from_parts(role, _content(raw.get("content"), f"{where}.content", optional=role == "assistant"))
    name = raw.get("name")
    if message.attachments:
        message = message.replace(attachments=Attachments(map(_read, message.attachments)))
    return message.replace(sender=Sender(name=name)) if isinstance(name, str) else message


def _content(raw: Any, where: str, *, optional: bool = False) -> str | list[dict[str, Any]]:
    if isinstance(raw, str):
        return raw
    if raw is None and optional:
        return ""
    if not isinstance(raw, list):
        raise invalid("The content of a message must be a string, or a list of parts.", where)
    return [_part(part, f"{where}[{number}]") for number, part in enumerate(raw)]


def _part(part: Any, where: str) -> dict[str, Any]:
    """A part as `message_from_parts` knows it."""
    match part:
        case {"type": "text", "text": str()}:
            return dict(part)
        case {"type": "refusal", "refusal": str(text)}:
            return {"type": "text", "text": text}
        case {"type": "image_url", "image_url": {"url": str(url)}}:
            return _checked(dict(part), url, f"{where}.image_url.url")
        case {"type": "file", "file": {"file_data": str(url)}}:
            return _checked(dict(part), url, f"{where}.file.file_data")
        case {"type": "input_audio", "input_audio": {"data": str(data), "format": str(kind)}}:
            file = {"filename": f"audio.{kind}", "file_data": f"data:audio/{kind};base64,{data}"}
            return {"type": "file", "file": file}
    raise invalid("A part must be text, image_url, file with file_data, or input_audio, with its members.", where)


def _checked(part: dict[str, Any], url: str, where: str) -> dict[str, Any]:
    if not url.lower().startswith(_SCHEMES):
        raise invalid("A file goes by a URL that begins with https://, http:// or data:.", where)
    return part


def _read(attachment: Attachment) -> Attachment:
    """The attachment, with its content where that is text: Poe does the same before a bot is asked."""
    if not attachment.content_type.startswith("text/"):
        return attachment
    content = data_url_content(attachment.url)
    try:
        return attachment if content is None else replace(attachment, parsed_content=content.decode())
    except UnicodeDecodeError:
        return attachment


def _calls(raw: Any, where: str) -> tuple[ToolCall, ...]:
    calls = tuple(map(ToolCall.from_wire, raw)) if isinstance(raw, list) else (None,)
    known = tuple(call for call in calls if call is not None)
    if len(known) != len(calls):
        raise invalid("A call of a tool must have an id and a function with its name.", where)
    return known


def _result(raw: Mapping[str, Any], calls: Sequence[ToolCall], where: str) -> ToolResult:
    called = next((call for call in calls if call.id == raw.get("tool_call_id")), None)
    if called is None:
        raise invalid(
            "A message of role tool must follow the message with its call, and have the id of that.",
            f"{where}.tool_call_id",
        )
    return called.answered(_message("tool", raw, where).content)


def _round(calls: tuple[ToolCall, ...], results: Sequence[ToolResult]) -> tuple[Message, ...]:
    return ToolRound(calls, tuple(results)).messages() if calls else ()
