"""docs/checker.md keeps its word."""

from __future__ import annotations

import re
from dataclasses import fields
from textwrap import indent
from typing import TYPE_CHECKING

import pytest

from poe_asgi.checker import FAST, Budget, check, parse_expected, render_text
from poe_asgi.protocol import RULES, SOURCES
from tests.snippets import ROOT, snippets, table
from tests.support import KEY

from .bad_bots import BAD_BOTS, GoodBot

if TYPE_CHECKING:
    from poe_asgi.protocol import Rule

PAGE = ROOT / "docs/checker.md"


def topics() -> dict[str, list[Rule]]:
    found: dict[str, list[Rule]] = {}
    for rule in RULES.values():
        found.setdefault(rule.topic, []).append(rule)
    return found


def test_the_tables_are_the_list_of_rules() -> None:
    section = PAGE.read_text(encoding="utf-8").split("\n## The rules\n")[1].split("\n## ")[0]
    assert re.findall(r"^(\w[\w ]*):$", section, re.MULTILINE) == list(topics())
    for number, rules in enumerate(topics().values(), 1):
        assert table(PAGE, "The rules", number) == [
            [f"`{rule.id}`", rule.level, rule.sentence, rule.source] for rule in rules
        ]
    words = " ".join(section.split())
    for name, meaning in SOURCES.items():
        assert re.search(rf"\*{name}\* (is )?{re.escape(meaning.partition(';')[0])}", words)


def test_the_budgets_are_those_that_are_told() -> None:
    told = {row[0].strip("`"): (row[1], row[2]) for row in table(PAGE, "Time and limits")}
    assert told == {
        each.name: tuple(
            "none" if value is None else f"{value:g}"
            for value in (getattr(Budget(), each.name), getattr(FAST, each.name))
        )
        for each in fields(Budget)
    }


@pytest.mark.asyncio
async def test_the_finding_that_is_shown_is_the_one_that_comes() -> None:
    (shown,) = [each.code for each in snippets(PAGE, "text") if "settings-fields" in each.code]
    report = await check(BAD_BOTS["settings-fields"].bot(), access_key=KEY)
    assert indent(shown, "  ") in render_text(report)


def test_the_file_of_expected_failures_can_be_read() -> None:
    (shown,) = [each.code for each in snippets(PAGE, "text") if each.code.startswith("#")]
    assert list(parse_expected(shown)) == ["page-head"]


@pytest.mark.asyncio
async def test_the_number_of_queries_is_as_told() -> None:
    sent = 0

    class Counting(GoodBot):
        def validate(self, query: object) -> None:  # noqa: ARG002
            nonlocal sent
            sent += 1

    await check(Counting(), access_key=KEY)
    assert "some 30 of them" in PAGE.read_text(encoding="utf-8")
    assert 27 <= sent <= 33


@pytest.mark.asyncio
@pytest.mark.filterwarnings("ignore::pydantic.PydanticDeprecatedSince20")  # the SDK calls what pydantic has deprecated
async def test_the_report_on_the_official_sdk_is_the_one_that_comes() -> None:
    from .official_echo import TARGET, report

    (shown,) = [each.code for each in snippets(PAGE, "text") if each.code.startswith(TARGET)]
    assert without_time(render_text(await report())) == without_time(shown)


def without_time(text: str) -> str:
    return re.sub(r"\d+\.\d s\.", "0.0 s.", text)
