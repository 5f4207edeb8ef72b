"""Messages as the bot protocol has them, from all that a `ChatModel` takes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from ..errors import ConfigurationError
from ..protocol import Attachments, File, Message, ToolResult, ToolRound, message_from_parts
from ._messages import Messages


def bot_messages(messages: Messages) -> list[Message]:
    """The messages for a bot; dictionaries as in the OpenAI API become `Message` values.

    A bot takes files by their URL alone: paths and bytes raise ConfigurationError, as does what is no message.
    """
    if isinstance(messages, str):
        return [Message("user", messages)]
    listed = [messages] if isinstance(messages, (Message, Mapping)) else messages
    return [message for number, each in enumerate(listed) for message in _messages(each, f"messages[{number}]")]


def _messages(message: Any, place: str) -> tuple[Message, ...]:
    match message:
        case Message():
            return (message,)
        case ToolRound():
            return message.messages()
        case ToolResult():
            return (Message("tool", json.dumps([message.to_wire()])),)
        case {"role": "tool", "content": str(content)}:
            # `name` is not in the OpenAI API, where the id of the call is enough.
            result = {"role": "tool", "name": message.get("name") or "", "tool_call_id": message.get("tool_call_id")}
            return (Message("tool", json.dumps([{**result, "content": content}])),)
        case {"role": "assistant" | "bot" | "agent", "tool_calls": [*calls]} if calls:
            said = (_message("assistant", message.get("content"), place),) if message.get("content") else ()
            return (*said, Message("bot", json.dumps(calls), message_type="function_call"))
        case {"role": str(role)}:
            return (_message("assistant" if role == "agent" else role, message.get("content"), place),)
    raise ConfigurationError(f"{place} is no message: write user(…), a Message, or a dictionary with role and content.")


def _message(role: str, content: Any, place: str) -> Message:
    if content is None or isinstance(content, str):
        return message_from_parts(role, content)
    if not isinstance(content, (list, tuple)):
        raise ConfigurationError(f"{place}.content is a str or a list of parts, not {type(content).__name__}.")
    for part in content:
        if not isinstance(part, (str, File, Mapping)):
            raise ConfigurationError(
                f"{place}: a bot takes files by their URL. Upload it first: await ctx.poe.upload(…) gives a File."
            )
    parts = [{"type": "text", "text": part} if isinstance(part, str) else part for part in content]
    message = message_from_parts(role, [part for part in parts if not isinstance(part, File)])
    files = Attachments.of(part for part in parts if isinstance(part, File))
    return message.replace(attachments=Attachments((*message.attachments, *files))) if files else message
