"""Reading the body of a request: bytes in, one JSON object out, or a `RequestError`.

pydantic's reader goes first: on a long history it takes half the time of `json`. It refuses two things that must not
be refused, or not in its words (escaped surrogates without their other half, deep nesting), so on any refusal `json`
decides. What both accept they read alike.
"""

from __future__ import annotations

import json
import re
from math import isfinite
from typing import Any

from pydantic_core import from_json

from ..errors import RequestError

MAX_NESTING = 64
TOO_DEEP = f"The body nests objects and arrays more than {MAX_NESTING} deep."

_LONE_SURROGATE = re.compile("[\ud800-\udfff]")
_CHECKED = frozenset({dict, list, float})


def parse_json_object(body: bytes) -> dict[str, Any]:
    """The JSON object that ``body`` holds, in UTF-8 and at most 64 objects and arrays deep.

    Raises `RequestError` with a fixed sentence that quotes nothing of the body. ``NaN``, ``Infinity`` and numbers
    beyond a float are refused: they could not be sent on as JSON. Strings of the result can be encoded: lone
    surrogates, in keys and in values, are replaced with U+FFFD. Of two equal keys the later one counts.
    """
    value = _read(body)
    is_odd = value is None
    if is_odd:
        value = _read_patiently(body)
    if not isinstance(value, dict):
        raise RequestError("The body must be a JSON object.")
    _check(value)
    return _mend_object(value) if is_odd else value


def _read(body: bytes) -> Any:
    try:
        return from_json(body, cache_strings="keys")
    except ValueError:
        return None


def _read_patiently(body: bytes) -> Any:
    try:
        return json.loads(body.decode())
    except UnicodeDecodeError:
        problem = "The body is not UTF-8."
    except ValueError:  # also an integer of more than 4,300 digits
        problem = "The body is not valid JSON."
    except RecursionError:
        problem = TOO_DEEP
    # Raised out here because the errors caught above hold the whole body, and would be this one's context.
    raise RequestError(problem)


def _check(value: dict[str, Any]) -> None:
    level: list[Any] = [value]
    for _ in range(MAX_NESTING):
        level = [
            child
            for parent in level
            for child in (parent.values() if type(parent) is dict else parent)
            if type(child) in _CHECKED and (type(child) is not float or _refuse_infinite(child))
        ]
        if not level:
            return
    raise RequestError(TOO_DEEP)


def _refuse_infinite(number: float) -> bool:
    if not isfinite(number):
        raise RequestError("The body holds NaN, an infinity or a number beyond a float.")
    return False


def _mend(value: Any) -> Any:
    if isinstance(value, str):
        return value if value.isascii() else _LONE_SURROGATE.sub("\ufffd", value)
    if isinstance(value, dict):
        return _mend_object(value)
    if isinstance(value, list):
        return [_mend(item) for item in value]
    return value


def _mend_object(value: dict[str, Any]) -> dict[str, Any]:
    return {_mend(key): _mend(item) for key, item in value.items()}
