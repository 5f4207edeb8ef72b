"""Model options on their way from the user to the body of a request (D-40, D-41, D-51, D-55).

Which options a model takes, and which values, is the API's to say: its list of models has hints only. So whatever is
given is sent, and what is not given is not.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from math import isfinite
from reprlib import repr as short
from typing import Any

from ..errors import ConfigurationError

MAX_NESTING = 64
EXTRA = "extra_body"

_CAMEL_CASE = re.compile(r"[a-z][a-z0-9]*(?:[A-Z][A-Za-z0-9]*)")
_NEXT_WORD = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")

_OF_THE_CALL = {
    "model": "give it to the model itself, PoeChatModel(model=…)",
    "messages": "it is the first argument of the call, model.invoke(messages)",
    "stream": "model.stream(messages) streams, model.invoke(messages) does not",
    "tools": "give it to the call, model.invoke(messages, tools=…)",
    "tool_choice": "give it to the call, model.invoke(messages, tool_choice=…)",
}
_OF_THE_CLIENT = {
    "api_key": "give it to the model itself, PoeChatModel(api_key=…)",
    "base_url": "give it to the model itself, PoeChatModel(base_url=…)",
    "model_options": "write its members here directly",
    "streaming": "give it to the call, model.invoke(messages, streaming=True)",
    **dict.fromkeys(
        ("timeout", "timeouts", "retry", "max_retries", "transport", "default_headers", "extra_headers", "extra_query"),
        "it is set where the client is made, and not sent to the model",
    ),
}
_NUMBERS = frozenset({"temperature", "top_p", "max_tokens", "max_completion_tokens"})


def wire_options(*layers: Mapping[str, Any] | None) -> dict[str, Any]:
    """The options of all ``layers`` as members of a request's body; of equal ones the last layer's counts.

    Names are the API's in snake_case, or the same in camelCase (``topP``); other names, as bots may have them, stay as
    they are. None is an option that is not set: it is not sent, and takes away what an earlier layer sets. Tuples and
    sets become lists. ``extra_body`` holds members that are sent under exactly these names, null included; they win
    over the other options of their layer, and ``extra_body=None`` takes those of earlier layers away.

    Raises ConfigurationError for an option given twice in a layer under two spellings, one that has its place
    elsewhere (the message says where), and values that are not JSON. Ranges are left to the API. The result shares
    nothing with the layers.
    """
    merged: dict[str, Any] = {}
    extras: set[str] = set()
    for layer in layers:
        plain = _by_wire_name({} if layer is None else layer)
        extra = plain.pop(EXTRA, {})
        if extra is None:
            merged = {name: value for name, value in merged.items() if name not in extras}
            extras.clear()
        for name, value in plain.items():
            _check_option(name, value)
            extras.discard(name)
            if value is None:
                merged.pop(name, None)
            else:
                merged[name] = _json(value, name)
        for name, value in _members({} if extra is None else extra, EXTRA).items():
            _check_member(name, value)
            extras.add(name)
            merged[name] = _json(value, f"{EXTRA}.{name}")
    return merged


def _by_wire_name(layer: Mapping[str, Any]) -> dict[str, Any]:
    options: dict[str, Any] = {}
    spellings: dict[str, str] = {}
    for spelling, value in _members(layer, "model_options").items():
        name = _NEXT_WORD.sub("_", spelling).lower() if _CAMEL_CASE.fullmatch(spelling) else spelling
        if name in spellings:
            raise ConfigurationError(f"{spellings[name]!r} and {spelling!r} are the same model option: give it once.")
        spellings[name] = spelling
        options[name] = value
    return options


def _members(value: Any, what: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise ConfigurationError(f"{what} must be a mapping of names to values, not {short(value)}.")
    for name in value:
        if not isinstance(name, str) or not name:
            raise ConfigurationError(f"{what}: the name of an option is a string that is not empty, not {short(name)}.")
    return value


def _check_option(name: str, value: Any) -> None:
    if name in _OF_THE_CLIENT:
        raise ConfigurationError(
            f"{name!r} is no model option: {_OF_THE_CLIENT[name]}. A bot's parameter of that name goes into {EXTRA}."
        )
    _check_member(name, value)
    if name in _NUMBERS and isinstance(value, (bool, str)):
        raise ConfigurationError(f"The model option {name!r} must be a number, not {short(value)}.")


def _check_member(name: str, value: Any) -> None:
    if name in _OF_THE_CALL:
        raise ConfigurationError(f"{name!r} is no model option: {_OF_THE_CALL[name]}.")
    if name == "n" and value is not None and (type(value) is not int or value != 1):
        raise ConfigurationError(f"The model option 'n' must be 1, not {short(value)}: a call has one answer.")


def _json(value: Any, where: str, depth: int = 0) -> Any:
    """A copy made of what JSON has; ``where`` is the path in the message of the error."""
    if value is None or isinstance(value, (str, bool, int)) or (isinstance(value, float) and isfinite(value)):
        return value
    if depth == MAX_NESTING:
        raise ConfigurationError(f"The model option {where[:80]!r} nests more than {MAX_NESTING} deep.")
    if isinstance(value, Mapping):
        for key in value:  # whole numbers, as of tokens in `logit_bias`, are written as strings
            if not isinstance(key, (str, int)) or isinstance(key, bool):
                raise ConfigurationError(
                    f"The model option {where!r} has the key {short(key)}, which JSON cannot hold."
                )
        return {str(key): _json(each, f"{where}.{key}", depth + 1) for key, each in value.items()}
    if isinstance(value, (set, frozenset)):
        value = sorted(value, key=repr)  # the same request each time
    if isinstance(value, (list, tuple)):
        return [_json(each, f"{where}.{index}", depth + 1) for index, each in enumerate(value)]
    raise ConfigurationError(
        f"The model option {where!r} is {short(value)}, which JSON cannot hold: give text, a finite number, true or "
        "false, or lists and mappings of these."
    )
