"""docs/migrate.md leads from every name of the official SDK to one of this."""

from __future__ import annotations

import inspect
import re
from pathlib import Path

import pytest

from tests.interop.official import fp
from tests.snippets import ROOT, table

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
