"""From the body of a chat completion to a query, as Poe makes one for the bot behind the model."""

from __future__ import annotations

import json
import mimetypes
from collections.abc import Mapping
from typing import Any

from ..errors import RequestError
from ..protocol import Attachment, Attachments, Message, QueryRequest, parse_json_object
from ._errors import RefusedError, http_error

_ROLES = {"system": "system", "developer": "system", "user": "user", "assistant": "bot", "tool": "tool"}

# What is not among these is a parameter of the bot.
_KNOWN = {
    *("model", "messages", "max_tokens", "max_completion_tokens", "stream", "stream_options", "temperature"),
    *("top_p", "stop", "n", "tools", "tool_choice", "parallel_tool_calls", "logprobs", "top_logprobs"),
    *("response_format", "store", "metadata", "prediction", "presence_penalty", "frequency_penalty", "seed"),
    *("service_tier", "audio", "logit_bias", "user", "modalities"),
}


def chat_query(raw: bytes) -> tuple[dict[str, Any], QueryRequest]:
    """The body and the query. Raises RefusedError with 400 for what Poe's pages say it refuses."""
    try:
        body = parse_json_object(raw)
    except RequestError as exc:
        raise _refused(str(exc)) from None
    for name, kind in (("model", str), ("messages", list)):
        if not body.get(name):
            raise _refused(f"{name} is missing.", "missing_parameter", name)
        if not isinstance(body[name], kind):
            raise _refused(f"{name} is of the wrong type.", param=name)
    temperature, stop = body.get("temperature"), body.get("stop")
    if temperature is not None and not (_is_number(temperature) and 0 <= temperature <= 2):
        raise _refused("temperature must be from 0 to 2.", param="temperature")
    if body.get("n") not in (None, 1):
        raise _refused("n must be 1.", param="n")
    stops = [stop] if isinstance(stop, str) else stop or []
    if not isinstance(stops, list) or not all(isinstance(each, str) and each.strip() for each in stops):
        raise _refused("stop must hold sequences that are not white space.", param="stop")
    tools = [] if body.get("tools") is None else body["tools"]
    if not isinstance(tools, list) or not all(isinstance(tool, dict) for tool in tools):
        raise _refused("tools must be a list of objects.", param="tools")
    messages = [_message(each, f"messages.{number}") for number, each in enumerate(body["messages"])]
    parameters = {name: value for name, value in body.items() if name not in _KNOWN}
    messages[-1] = messages[-1].replace(parameters=parameters)
    query = QueryRequest(
        tuple(messages), version="1.2", temperature=temperature, stop_sequences=tuple(stops), tools=tuple(tools)
    )
    return body, query


def _message(raw: Any, where: str) -> Message:
    role = raw.get("role") if isinstance(raw, dict) else None
    if not isinstance(role, str) or role not in _ROLES:
        raise _refused("role is not known.", param=f"{where}.role")
    content, attachments = _content(raw.get("content"), where)
    if role == "assistant" and raw.get("tool_calls"):
        return Message("bot", json.dumps(raw["tool_calls"]), message_type="function_call")
    if role == "tool":
        result = {"role": "tool", "name": raw.get("name") or "", "tool_call_id": raw.get("tool_call_id")}
        return Message("tool", json.dumps([{**result, "content": content}]))
    return Message(_ROLES[role], content, attachments=Attachments(attachments))


def _content(raw: Any, where: str) -> tuple[str, list[Attachment]]:
    if raw is None or isinstance(raw, str):
        return raw or "", []
    if not isinstance(raw, list) or not all(isinstance(part, dict) for part in raw):
        raise _refused("content must be a string or a list of parts.", param=f"{where}.content")
    texts: list[str] = []
    attachments: list[Attachment] = []
    for part in raw:
        match part:
            case {"type": "text", "text": str(text)}:
                texts.append(text)
            case {"type": "image_url", "image_url": {"url": str(url)}}:
                attachments.append(_attachment("image", url, "image/*"))
            case {"type": "file", "file": {"file_data": str(url), **rest}}:
                attachments.append(_attachment(str(rest.get("filename") or "file"), url, "application/octet-stream"))
            case {"type": "input_audio"}:
                pass  # Poe strips it silently
            case _:
                raise _refused("A part of the content is not known.", param=f"{where}.content")
    return "\n".join(texts), attachments


def _attachment(name: str, url: str, otherwise: str) -> Attachment:
    declared = url[5:].partition(";")[0] if url.startswith("data:") else ""
    try:
        content_type = declared or mimetypes.guess_type(url)[0] or otherwise
    except ValueError:  # some versions of Python take the URL apart
        content_type = otherwise
    return Attachment(url=url, name=name, content_type=content_type)


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _refused(message: str, code: str = "invalid_parameter", param: str | None = None) -> RefusedError:
    return RefusedError(http_error(400, message, shape="C", code=code, param=param))


def wants(body: Mapping[str, Any], *path: str) -> bool:
    """Whether the switch at this path is on."""
    value: Any = body
    for name in path:
        value = value.get(name) if isinstance(value, dict) else None
    return value is True
