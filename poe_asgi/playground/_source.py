"""Python source, as a person would write it: imports gathered, double quotes, long texts broken at their lines."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from textwrap import indent
from typing import Any

_WIDTH = 80


class Source:
    """Gathers what a module needs to import."""

    def __init__(self) -> None:
        self._modules: set[str] = set()
        self._names: dict[str, set[str]] = {}

    def use(self, module: str, *names: str) -> None:
        """Import a module, or names of it."""
        if names:
            self._names.setdefault(module, set()).update(names)
        else:
            self._modules.add(module)

    def module(self, docstring: str, body: str) -> str:
        """The whole module."""
        lines = [f"import {module}" for module in sorted(self._modules)]
        lines += [f"from {module} import {', '.join(sorted(names))}" for module, names in sorted(self._names.items())]
        standard = [line for line in lines if line.split()[1].partition(".")[0] in sys.stdlib_module_names]
        others = [line for line in lines if line not in standard]
        blocks = [docstring, *("\n".join(block) for block in (standard, others) if block)]
        return "\n\n".join(blocks) + "\n\n\n" + body


def literal(value: Any) -> str:
    """A literal of this value, made of JSON types, bytes and tuples. A long text is broken at its line ends."""
    match value:
        case str():
            return _text(value)
        case Mapping():
            return "{" + ", ".join(f"{literal(key)}: {literal(item)}" for key, item in value.items()) + "}"
        case tuple():
            return "(" + ", ".join(map(literal, value)) + ("," if len(value) == 1 else "") + ")"
        case list():
            return "[" + ", ".join(map(literal, value)) + "]"
    return repr(value)


def call(name: str, *arguments: str) -> str:
    """A call; the arguments stand on lines of their own when they are long."""
    line = f"{name}({', '.join(arguments)})"
    if len(line) <= _WIDTH and "\n" not in line:
        return line
    return f"{name}({_block(f'{argument},' for argument in arguments)})"


def _text(text: str) -> str:
    lines = text.splitlines(keepends=True)
    if len(repr(text)) <= _WIDTH or len(lines) < 2:
        return _quoted(text)
    return f"({_block(map(_quoted, lines))})"


def _quoted(text: str) -> str:
    """With double quotes, where that is as easy to read."""
    plain = repr(text)
    return f'"{plain[1:-1]}"' if plain.startswith("'") and '"' not in plain else plain


def _block(lines: Iterable[str]) -> str:
    """Lines of their own, between brackets."""
    return "\n" + indent("\n".join(lines), "    ") + "\n"
