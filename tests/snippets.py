"""The snippets of a Markdown page: found, put together, and run.

A Python snippet stands for itself, or carries on the one above it when ``<!-- continues -->`` is the line before its
fence. One that begins with a comment like ``# bot.py`` can be imported by the others under that name.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from inspect import iscoroutinefunction, signature
from pathlib import Path
from textwrap import dedent
from types import ModuleType
from typing import Any

from poe_asgi import Bot, running
from poe_asgi.local import FakePoe
from poe_asgi.testing import PoeTester

from .support import SMALL, ask

ROOT = Path(__file__).parents[1]

_FENCE = re.compile(r"^(?P<before>.*)\n *```(?P<language>\w+)\n(?P<code>(?s:.*?)) *```$", re.MULTILINE)
_CONTINUES = "<!-- continues -->"
_FILE = re.compile(r"# (\w+)\.py\n")


@dataclass(frozen=True, slots=True)
class Snippet:
    """A fenced block; ``line`` is where its code begins, counted from 1."""

    page: Path
    line: int
    code: str
    continues: bool

    @property
    def module(self) -> str | None:
        match = _FILE.match(self.code)
        return match.group(1) if match else None

    def run(self, namespace: dict[str, Any]) -> None:
        """Run it; tracebacks name the page and the line there."""
        source = "\n" * (self.line - 1) + self.code
        exec(compile(source, str(self.page), "exec", dont_inherit=True), namespace)


def snippets(page: Path, language: str) -> list[Snippet]:
    """The blocks of this language, in order."""
    text = page.read_text(encoding="utf-8")
    found = [
        Snippet(
            page, text.count("\n", 0, match.start("code")) + 1, dedent(match["code"]), match["before"] == _CONTINUES
        )
        for match in _FENCE.finditer(text)
        if match["language"] == language
    ]
    assert len(found) == text.count(f"```{language}\n")
    return found


def stories(page: Path) -> list[list[Snippet]]:
    """The Python snippets, each with those that carry it on."""
    found: list[list[Snippet]] = []
    for snippet in snippets(page, "python"):
        if snippet.continues:
            found[-1].append(snippet)
        else:
            found.append([snippet])
    return found


def links(page: Path) -> list[Path]:
    """The files that the page links to."""
    targets = re.findall(r"\]\((?!https?:|#)([^)#]+)[^)]*\)", page.read_text(encoding="utf-8"))
    return [page.parent / target for target in targets]


def table(page: Path, heading: str, number: int = 1) -> list[list[str]]:
    """The cells of a table below a heading, the first one or another, without its head."""
    section = re.split(r"\n## ", page.read_text(encoding="utf-8").split(f"\n## {heading}\n")[1])[0]
    rows = re.findall(r"(?:^\|.*\n)+", section, re.MULTILINE)[number - 1].splitlines()[2:]
    return [[cell.strip() for cell in re.split(r"(?<!\\)\|", row)[1:-1]] for row in rows]


def place(story: list[Snippet]) -> str:
    """How a test calls it."""
    return f"{story[0].page.name}:{story[0].line}"


def write_modules(page: Path, folder: Path) -> list[str]:
    """Write the snippets that are files of their own; returns the names of the modules."""
    named = [(snippet.module, snippet.code) for snippet in snippets(page, "python") if snippet.module]
    for name, code in named:
        (folder / f"{name}.py").write_text(code, encoding="utf-8")
    return [name for name, _ in named]


async def run(story: list[Snippet]) -> None:
    """Run a story, then what it defines: every bot answers a query, every test passes, and ``main`` returns.

    Each is on its own with a local Poe, whose bots repeat the question.
    """
    namespace = ModuleType("snippet").__dict__
    for snippet in story:
        snippet.run(namespace)
    for bot in _bots(namespace):
        with FakePoe().installed():
            async with running(bot):
                exchange = await ask(bot, {**SMALL, "message_id": "m-1", "bot_query_id": "b-1"})
        assert exchange.status == 200
        assert exchange.reader.clean, exchange.reader.violations
        assert exchange.reader.error is None
    for name, value in list(namespace.items()):
        if (name.startswith("test_") or name == "main") and iscoroutinefunction(value):
            with FakePoe().installed() as poe:
                fixtures = {"fake_poe": poe, "poe_tester": PoeTester(poe)}
                await value(**{parameter: fixtures[parameter] for parameter in signature(value).parameters})


def _bots(namespace: dict[str, Any]) -> Iterator[Bot]:
    for value in namespace.values():
        if isinstance(value, Bot) and value.hook("query") is not None:
            yield value
