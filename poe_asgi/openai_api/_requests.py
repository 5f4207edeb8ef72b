"""The body of a chat completion: checked, and as the query that a bot is asked with.

A field that a query has no place for is a parameter of the newest message of the user, as if it came from a control.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..protocol import PROTOCOL_VERSION, Message, QueryRequest
from ._errors import RefusedError, invalid
from ._messages import read_messages

# Fields that do not become parameters.
_OWN = frozenset({"messages", "model", "n", "stream", "stream_options", "temperature"})
_OWN_TOO = frozenset({"functions", "logit_bias", "stop", "tools", "user"})

_RANGES = {
    "temperature": (0, 2),
    "top_p": (0, 1),
    "presence_penalty": (-2, 2),
    "frequency_penalty": (-2, 2),
}
_COUNTS = ("max_tokens", "max_completion_tokens")


@dataclass(frozen=True, slots=True, kw_only=True)
class Completion:
    """What is asked for: a query to a bot, and the form of the answer. ``id`` is that of the completion."""

    id: str
    model: str
    query: QueryRequest
    stream: bool
    include_usage: bool


def model_of(body: Mapping[str, Any]) -> str:
    """The name of the model. Raises RefusedError."""
    model = body.get("model")
    if model is None:
        raise invalid("model is missing: it is the name of a bot.", "model", missing=True)
    if not isinstance(model, str):
        raise invalid("model must be a string.", "model")
    return model


def read_completion(body: Mapping[str, Any], *, id: str, takes_tools: bool) -> Completion:  # noqa: A002
    """What the body asks for. Raises RefusedError, 400, for the first field that is wrong."""
    given = {name: value for name, value in body.items() if value is not None}
    for name, (least, most) in _RANGES.items():
        _check(given, name, lambda value: _is_number(value) and least <= value <= most, f"from {least} to {most}")  # noqa: B023
    for name in _COUNTS:
        _check(given, name, lambda value: type(value) is int and value > 0, "a whole number above 0")
    _check(given, "n", lambda value: value == 1 and type(value) is int, "1: a bot gives one answer")
    for name in ("stream", "user", "stream_options", "logit_bias"):
        kind, word = {"stream": (bool, "a boolean"), "user": (str, "a string")}.get(name, (dict, "an object"))
        _check(given, name, lambda value: isinstance(value, kind), word)  # noqa: B023
    biases = given.get("logit_bias", {})
    _check(
        given,
        "logit_bias",
        lambda _: all(_is_number(value) and -100 <= value <= 100 for value in biases.values()),
        "numbers from -100 to 100 by token",
    )
    include_usage = given.get("stream_options", {}).get("include_usage")
    if include_usage is not None and not isinstance(include_usage, bool):
        raise invalid("stream_options.include_usage must be a boolean.", "stream_options.include_usage")
    query = QueryRequest(
        _messages(given),
        version=PROTOCOL_VERSION,
        message_id=id,
        user_id=given.get("user", ""),
        temperature=given.get("temperature"),
        stop_sequences=_stop(given),
        logit_bias=biases,
        tools=_tools(given, takes_tools=takes_tools),
    )
    return Completion(
        id=id,
        model=model_of(given),
        query=query,
        stream=given.get("stream", False),
        include_usage=include_usage is True,
    )


def _messages(given: Mapping[str, Any]) -> tuple[Message, ...]:
    raw = given.get("messages")
    if raw is None:
        raise invalid("messages are missing.", "messages", missing=True)
    if not isinstance(raw, list) or not raw:
        raise invalid("messages must be an array of at least one message.", "messages")
    messages = list(read_messages(raw))
    parameters = {name: value for name, value in given.items() if name not in _OWN | _OWN_TOO}
    newest = next((index for index in reversed(range(len(messages))) if messages[index].role == "user"), None)
    if parameters and newest is not None:
        messages[newest] = messages[newest].replace(parameters=parameters)
    return tuple(messages)


def _stop(given: Mapping[str, Any]) -> tuple[str, ...]:
    stop = given.get("stop", [])
    stops = [stop] if isinstance(stop, str) else stop
    if not isinstance(stops, list) or not all(isinstance(each, str) and each.strip() for each in stops):
        raise invalid("stop must be a string, or an array of strings, that are more than white space.", "stop")
    return tuple(stops)


def _tools(given: Mapping[str, Any], *, takes_tools: bool) -> tuple[dict[str, Any], ...]:
    if given.get("functions"):
        raise invalid("functions are not known here; declare them as tools.", "functions")
    tools: Sequence[Any] = given.get("tools", [])
    if not isinstance(tools, list) or not all(_is_tool(tool) for tool in tools):
        raise invalid('tools must be an array of {"type": "function", "function": {"name": …}}.', "tools")
    if tools and not takes_tools:
        raise RefusedError(
            400,
            "This bot does not use tools of its callers: leave tools out.",
            param="tools",
            code="unsupported_feature_for_model",
        )
    return tuple(tools)


def _is_tool(tool: Any) -> bool:
    match tool:
        case {"type": "function", "function": {"name": str(name)}}:
            return bool(name)
    return False


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _check(given: Mapping[str, Any], name: str, fits: Callable[[Any], bool], what: str) -> None:
    """Raise RefusedError unless the field is left out, or fits."""
    if name in given and not fits(given[name]):
        raise invalid(f"{name} must be {what}.", name)
