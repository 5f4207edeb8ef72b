"""docs/testing.md keeps its word: its snippets are a project whose tests pass."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from examples import echo
from poe_asgi.protocol import Reply
from poe_asgi.testing import PoeTester

from ..snippets import ROOT, snippets, stories, table
from .projects import outcome, run_pytest

PAGE = ROOT / "docs/testing.md"
TEXT = PAGE.read_text(encoding="utf-8")


def test_every_test_of_the_page_passes(tmp_path: Path) -> None:
    files = {f"{story[0].module}.py": "\n\n".join(snippet.code for snippet in story) for story in stories(PAGE)}
    (config,) = snippets(PAGE, "toml")
    output = run_pytest(tmp_path, {**files, "pyproject.toml": config.code})
    assert outcome(output) == {"passed": len(re.findall(r"^ *async def test_", TEXT, re.MULTILINE))}, output


def test_there_are_five_tests_that_every_bot_should_have() -> None:
    section = TEXT.split("\n## Five tests every bot should have\n")[1].split("\n## ")[0]
    assert section.count("async def test_") == 5
    assert re.findall(r"^(One|Two|Three|Four|Five): ", section, re.MULTILINE) == ["One", "Two", "Three", "Four", "Five"]


BROKEN = """
async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        raise RuntimeError
    body = b'event: text\\ndata: {"text": "hi"}\\n\\nevent: done\\ndata: {}\\n\\n'
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/event-stream")]})
    await send({"type": "http.response.body", "body": body})

async def test_it(poe_tester):
    await poe_tester(app).ask("hi")
"""


def test_a_failure_reads_as_it_is_shown(tmp_path: Path) -> None:
    (config,) = snippets(PAGE, "toml")
    (shown,) = snippets(PAGE, "text")
    output = run_pytest(tmp_path, {"test_it.py": BROKEN, "pyproject.toml": config.code})
    told = [line[1:].strip() for line in output.splitlines() if line.startswith("E ")]
    assert [line for line in told if line] == [line.strip() for line in shown.code.splitlines() if line.strip()]


def named(heading: str) -> list[str]:
    """What stands in the first column of the table below a heading."""
    return [name for row in table(PAGE, heading) for name in re.findall(r"`(\w+)", row[0])]


@pytest.mark.asyncio
async def test_the_tables_name_what_there_is(poe_tester: PoeTester) -> None:
    assert [name for name in named("The reply") if not hasattr(Reply(), name)] == []
    async with poe_tester(echo.bot) as chat:
        assert [name for name in named("Conversations") if not hasattr(chat, name)] == []
