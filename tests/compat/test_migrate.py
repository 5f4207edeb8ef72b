"""docs/migrate.md leads from every name of the official SDK to one of this, and tells the truth of both servers."""

from __future__ import annotations

import inspect
import re
from pathlib import Path

import pytest

from poe_asgi.checker import check
from poe_asgi.protocol import RULES
from tests.compat import bots
from tests.compat.both import ours, theirs
from tests.interop.official import DEPRECATED_CALLS, fp
from tests.snippets import ROOT, snippets, table
from tests.support import KEY

pytestmark = DEPRECATED_CALLS

PAGE = ROOT / "docs/migrate.md"
TABLES = ("The app", "The bot", "Answers", "Requests", "Calls", "Settings and parameters")
MEMBERS = [
    name for name, value in vars(fp.PoeBot).items() if inspect.isroutine(getattr(fp.PoeBot, name)) and name[0] != "_"
]


def told() -> set[str]:
    rows = [row for heading in TABLES for row in table(PAGE, heading)]
    cells = [cell for row in rows for cell in row[:2]] + [Path(PAGE).read_text().split("## The app")[0]]
    return {name for cell in cells for code in re.findall("`(.+?)`", cell) for name in re.findall(r"\w+", code)}


@pytest.mark.parametrize("name", fp.__all__)
def test_a_name_of_the_official_sdk_is_in_the_tables(name: str) -> None:
    assert name in told()


@pytest.mark.parametrize("name", [name for name in MEMBERS if not name.startswith("handle_")])
def test_a_member_of_the_official_bot_is_told_of(name: str) -> None:
    assert name in told()


@pytest.mark.asyncio
async def test_the_checker_finds_what_is_told_before_and_nothing_after() -> None:
    before = await check(theirs(bots.Echo()), access_key=KEY, fast=True)
    (told,) = snippets(PAGE, "text")
    marks = {"error": "✗", "warning": "!"}
    assert re.findall(r"^(.)  ([\w-]+) +(.+)$", told.code, re.MULTILINE) == [
        (marks[found.rule.level], found.rule.id, found.rule.sentence) for found in before.findings
    ]
    after = await check(ours(bots.Echo()), access_key=KEY, fast=True)
    assert (after.problem, [found.rule.id for found in after.findings]) == (None, [])
    assert set(before.checked) == set(after.checked)


def test_the_rules_that_are_named_exist() -> None:
    named = {name for row in table(PAGE, "What changes at once") for name in re.findall("`(.+?)`", row[2])}
    assert named
    assert named <= RULES.keys()
