"""`.env` files: ``NAME=value`` lines. What is set in the environment already wins."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path

from ._exits import Failure

NAME = ".env"

_LINE = re.compile(r"(?:export\s+)?(?P<name>[A-Za-z_]\w*)\s*=\s*(?P<value>.*)")
_DOUBLE = re.compile(r'"((?:[^"\\]|\\.)*)"\s*(?:#.*)?')
_SINGLE = re.compile(r"'([^']*)'\s*(?:#.*)?")
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t"}


def find_env_file(folder: Path) -> Path | None:
    """The `.env` of the current folder, else the one beside the bot; None without one."""
    for candidate in dict.fromkeys((Path.cwd() / NAME, folder / NAME)):
        if candidate.is_file():
            return candidate
    return None


def read_env_file(path: Path) -> dict[str, str]:
    """The variables in a file. Raises Failure that names the line, and never shows what stands there."""
    values: dict[str, str] = {}
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as exc:
        raise Failure(f"{path} cannot be read ({type(exc).__name__}).") from None
    for number, line in enumerate(lines, 1):
        text = line.strip()
        if not text or text.startswith("#"):
            continue
        match = _LINE.fullmatch(text)
        value = _value(match["value"]) if match else None
        if match is None or value is None:
            raise Failure(f"{path}, line {number}: this is no NAME=value, or its quotes do not match.")
        values[match["name"]] = value
    return values


def missing_from_environment(values: Mapping[str, str]) -> dict[str, str]:
    """The variables that are not set yet."""
    return {name: value for name, value in values.items() if name not in os.environ}


def environment_of(folder: Path) -> dict[str, str]:
    """What `.env` adds to the environment of a bot in this folder. Raises Failure."""
    env_file = find_env_file(folder)
    return missing_from_environment(read_env_file(env_file)) if env_file is not None else {}


def _value(raw: str) -> str | None:
    if raw.startswith('"'):
        match = _DOUBLE.fullmatch(raw)
        return re.sub(r"\\(.)", lambda found: _ESCAPES.get(found[1], found[1]), match[1]) if match else None
    if raw.startswith("'"):
        match = _SINGLE.fullmatch(raw)
        return match[1] if match else None
    return re.split(r"(?:^|\s+)#", raw, maxsplit=1)[0].strip()
