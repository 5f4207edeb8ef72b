"""What a docstring says of a function's parameters: an ``Args:`` section, or ``:param name:`` lines."""

from __future__ import annotations

import re
from collections.abc import Iterable

_SECTION = re.compile(r"(Args|Arguments|Parameters|Params):\s*$")
_ENTRY = re.compile(r"\*{0,2}(?P<name>\w+)\s*(\([^)]*\))?:\s*(?P<text>.*)$")
_FIELD = re.compile(r":param\s+(?:[^:]*\s)?(?P<name>\w+):\s*(?P<text>.*)$")


def parse_docstring(text: str, parameters: Iterable[str]) -> tuple[str, dict[str, str]]:
    """The docstring without the lines on parameters, and what these say of each of ``parameters``.

    ``text`` is as `inspect.getdoc` gives it. Lines that are indented deeper than the one that names a parameter go on
    with it.
    """
    known = set(parameters)
    rest: list[str] = []
    said: dict[str, list[str]] = {}
    section = False
    name, indent = "", 0  # of the parameter that deeper lines go on with
    for line in text.splitlines():
        stripped = line.strip()
        depth = len(line) - len(line.lstrip())
        if section and stripped and depth == 0:
            section = False
        if name and stripped and depth > indent:
            said[name].append(stripped)
            continue
        entry = _FIELD.match(stripped) or (_ENTRY.match(stripped) if section else None)
        name = ""
        if _SECTION.match(line):
            section = True
        elif entry is not None and entry["name"] in known:
            name, indent = entry["name"], depth
            said[name] = [entry["text"]]
        else:
            rest.append(line)
    description = re.sub(r"\n{3,}", "\n\n", "\n".join(rest)).strip()
    return description, {key: " ".join(filter(None, lines)) for key, lines in said.items()}
