"""What Poe says it has stored, held against what was sent.

Poe drops what it does not take without a word: its answer to a sync is 200, and the echo in it shows the field as
None. The form of the answer is not published, so it is searched for settings: as JSON, as JSON within text, as a
Python value, or field by field.
"""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from typing import Any

from ..protocol import Settings

_KNOWN = frozenset(each.name for each in fields(Settings)) - {"extra"}
_NOTHING = re.compile(rf"""\b({"|".join(sorted(_KNOWN))})["']?\s*[:=]\s*(?:None|null)\b""")


_PYTHON = re.compile(r"""'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|\b(?:None|True|False)\b""")
_NAMES = {"None": "null", "True": "true", "False": "false"}


@dataclass(frozen=True, slots=True)
class Difference:
    """One place, as in ``parameter_controls.sections.0.name``: what was sent there, and what is stored."""

    path: str
    sent: Any
    stored: Any = None

    @property
    def dropped(self) -> bool:
        """Whether nothing is stored there."""
        return self.stored is None

    def __str__(self) -> str:
        if not self.dropped:
            return f"stored {self.path} as {self.stored!r:.80} instead of {self.sent!r:.80}"
        hint = "; they need response_version 2 and valid controls" if self.path == "parameter_controls" else ""
        return f"dropped {self.path}{hint}"


def echo_of(text: str) -> dict[str, Any] | None:
    """The settings in an answer; None if there are none to be found."""
    within = text[text.find("{") : text.rfind("}") + 1]
    for candidate in (within, _PYTHON.sub(_as_json, within)):
        try:
            found = _settings_in(json.loads(candidate))
        except (ValueError, RecursionError):
            continue
        if found is not None:
            return found
    return None


def _as_json(match: re.Match[str]) -> str:
    """A string or a name of Python in JSON. A whole value is not parsed as Python: it could be too deep for that."""
    token = match[0]
    if token in _NAMES:
        return _NAMES[token]
    try:
        return json.dumps(ast.literal_eval(token))
    except (ValueError, SyntaxError):
        return token


def differences(sent: Mapping[str, Any], text: str) -> tuple[Difference, ...]:
    """Where settings that were sent are not what an answer says is stored; what Poe adds to them is no difference."""
    stored = echo_of(text)
    if stored is None:
        return tuple(Difference(name, sent[name]) for name in dict.fromkeys(_NOTHING.findall(text)) if sent.get(name))
    return tuple(
        difference
        for name, value in sent.items()
        if value or name in stored  # an echo may leave out what is off
        for difference in _compare(name, value, stored.get(name))
    )


def _compare(path: str, sent: Any, stored: Any) -> Iterator[Difference]:
    if isinstance(sent, dict) and isinstance(stored, dict):
        for key, value in sent.items():
            yield from _compare(f"{path}.{key}", value, stored.get(key))
    elif isinstance(sent, list) and isinstance(stored, list) and len(sent) == len(stored):
        for index, (one, other) in enumerate(zip(sent, stored, strict=True)):
            yield from _compare(f"{path}.{index}", one, other)
    elif stored is None and sent in ("", [], {}):
        pass  # a null is a field that is not set
    # True == 1 in Python, but not in JSON.
    elif sent != stored or isinstance(sent, bool) is not isinstance(stored, bool):
        yield Difference(path, sent, stored)


def _settings_in(value: Any) -> dict[str, Any] | None:
    """The object with the most fields of settings: the value itself, or one within it."""
    candidates = [value, *(value.values() if isinstance(value, dict) else ())]
    best = max(candidates, key=lambda each: len(_KNOWN & each.keys()) if isinstance(each, dict) else 0)
    return best if isinstance(best, dict) and _KNOWN & best.keys() else None
