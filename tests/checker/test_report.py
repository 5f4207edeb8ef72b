"""Reports as text, JSON and XML, and the failures that are expected."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from poe_asgi import ConfigurationError
from poe_asgi.checker import (
    Finding,
    Report,
    check,
    parse_expected,
    read_expected,
    render_json,
    render_junit,
    render_text,
    to_dict,
)
from poe_asgi.protocol import RULES
from tests.support import KEY

from .bad_bots import KnowsNoHead, LostItsSettings, MindsTheCase

BROKEN = Finding(
    rule=RULES["settings-fields"],
    sent="a settings request",
    request='POST {"version": "1.2", "type": "settings"}',
    came="introduction_message must be a string, not 5. (200 application/json)",
    times=2,
)
ADVICE = Finding(rule=RULES["page-head"], sent="a HEAD without a key", request="HEAD", came="405")
CLEAN = Report(
    target="http://127.0.0.1:8000/",
    started="2026-11-22T00:00:00+00:00",
    seconds=0.84,
    requests=66,
    checked=tuple(rule for rule in RULES if rule not in {"https", "stream-silent"}),
    skipped={"https": "the URL is not public", "stream-silent": "the time of the check was over"},
)
FAULTY = replace(CLEAN, findings=(BROKEN, ADVICE), notes=("The answer was left.",))
NOTHING = replace(CLEAN, checked=(), skipped={}, problem="No server.")


# ---- text


def test_a_clean_report_is_one_line_a_topic_and_a_summary() -> None:
    assert render_text(CLEAN).splitlines() == [
        "http://127.0.0.1:8000/",
        "",
        "  ✓  Order                6 rules",
        "  ✓  Framing and fields   6 rules",
        "  ✓  Limits               6 rules",
        "  ✓  Advice               3 rules",
        "  ✓  Access key           7 rules",
        "  ✓  Queries              11 rules",
        "  ✓  Tolerance            8 rules",
        "  ✓  Other requests       10 rules",
        "  ✓  Stream over HTTP     7 of 8 rules",
        "  ✓  Settings             8 rules",
        "  ✓  Parameter controls   3 rules",
        "  –  Public URL           not checked, the URL is not public",
        "",
        "  –  not checked, the time of the check was over: stream-silent",
        "",
        "  All is well: 75 of 77 rules, 66 requests, 0.8 s.",
    ]


def test_a_report_that_ended_early_praises_nothing() -> None:
    early = replace(CLEAN, complete=False)
    assert render_text(early).endswith("  Nothing found so far: 75 of 77 rules, 66 requests, 0.8 s.\n")
    assert to_dict(early)["complete"] is False


def test_a_finding_says_what_was_sent_what_came_what_the_rule_is_and_how_to_fix_it() -> None:
    text = render_text(FAULTY)
    assert "  ✗  Settings             8 rules, 1 error\n" in text
    assert "  !  Other requests       10 rules, 1 warning\n" in text
    assert (
        "  ✗  settings-fields   error, 2 times\n"
        "     rule  The values of settings have the types and ranges that Poe documents. (Poe's protocol\n"
        "           specification)\n"
        "     sent  a settings request\n"
        '           POST {"version": "1.2", "type": "settings"}\n'
        "     came  introduction_message must be a string, not 5. (200 application/json)\n"
        "     fix   Correct the value; leave a field out that you do not set.\n"
    ) in text
    assert "  –  The answer was left.\n" in text
    assert text.endswith("  1 error, 1 warning: 75 of 77 rules, 66 requests, 0.8 s.\n")


def test_a_report_of_nothing_says_why() -> None:
    assert render_text(NOTHING) == "http://127.0.0.1:8000/\n\n  ✗  Nothing was checked. No server.\n"


@pytest.mark.parametrize("report", [CLEAN, FAULTY, NOTHING])
def test_colours_come_when_asked_for_and_change_nothing_else(report: Report) -> None:
    plain = render_text(report)
    assert "\x1b" not in plain
    colored = render_text(report, color=True)
    assert "\x1b[3" in colored
    assert re.sub(r"\x1b\[\d+m", "", colored) == plain


@pytest.mark.parametrize("width", [60, 80, 100])
def test_lines_keep_to_the_width(width: int) -> None:
    assert max(map(len, render_text(FAULTY, width=width).splitlines())) <= width


def test_what_a_server_sends_cannot_drive_the_terminal() -> None:
    hostile = replace(BROKEN, came="\x1b[2J\x07 \u202e gone\r\n  ✓  All is well")
    lines = render_text(replace(FAULTY, findings=(hostile,))).splitlines()
    assert "\x1b" not in "".join(lines)
    assert "\u202e" not in "".join(lines)
    assert [line for line in lines if "All is well" in line] == ["     came  [2J gone ✓ All is well"]


# ---- JSON and XML


def test_json_has_all_that_a_finding_says() -> None:
    loaded = json.loads(render_json(FAULTY))
    assert loaded == to_dict(FAULTY)
    assert {key: loaded[key] for key in ("version", "exit_code", "errors", "warnings", "requests")} == {
        "version": 1,
        "exit_code": 1,
        "errors": 1,
        "warnings": 1,
        "requests": 66,
    }
    assert loaded["findings"][0] == {
        "rule": "settings-fields",
        "level": "error",
        "topic": "Settings",
        "sentence": BROKEN.rule.sentence,
        "source": "Poe's protocol specification",
        "sent": BROKEN.sent,
        "request": BROKEN.request,
        "came": BROKEN.came,
        "times": 2,
        "fix": BROKEN.rule.fix,
        "expected": None,
    }


def cases(report: Report) -> dict[str, ET.Element]:
    root = ET.fromstring(render_junit(report))
    return {str(case.get("name")): case for case in root.iter("testcase")}


def test_junit_has_a_case_for_each_rule() -> None:
    found = cases(FAULTY)
    assert list(found) == list(RULES)
    failure = found["settings-fields"].find("failure")
    assert failure is not None
    assert failure.get("message") == BROKEN.came
    assert "fix: Correct the value" in str(failure.text)
    assert [each.tag for each in found["page-head"]] == ["system-out"]
    assert [each.tag for each in found["https"]] == ["skipped"]
    assert list(found["meta-first"]) == []
    suites = {suite.get("name"): suite.attrib for suite in ET.fromstring(render_junit(FAULTY))}
    assert {key: suites["Settings"][key] for key in ("tests", "failures", "skipped", "errors")} == {
        "tests": "8",
        "failures": "1",
        "skipped": "0",
        "errors": "0",
    }


def test_junit_tells_of_nothing_checked_as_an_error() -> None:
    ((error,),) = cases(NOTHING).values()
    assert (error.tag, error.get("message")) == ("error", "No server.")


def test_junit_is_xml_whatever_the_server_sent() -> None:
    hostile = replace(FAULTY, findings=(replace(BROKEN, came="\x00\x1b\ud83d ]]> <a> &"),))
    failure = cases(hostile)["settings-fields"].find("failure")
    assert failure is not None
    assert str(failure.get("message")).endswith(" ]]> <a> &")


# ---- failures that are expected


@pytest.mark.asyncio
async def test_an_expected_failure_is_marked_and_does_not_count() -> None:
    expected = {"settings-status": "the settings are pushed"}
    report = await check(LostItsSettings(), access_key=KEY, expected=expected)
    assert (report.errors, report.exit_code) == ((), 0)
    assert [finding.expected for finding in report.expected] == ["the settings are pushed"]
    text = render_text(report)
    assert "  ~  Settings             8 rules, 1 expected\n" in text
    assert "  ~  settings-status   error, expected: the settings are pushed" in text
    assert [each.tag for each in cases(report)["settings-status"]] == ["skipped"]
    assert (await check(LostItsSettings(), access_key=KEY)).exit_code == 1


@pytest.mark.asyncio
async def test_an_expected_failure_that_passes_is_told() -> None:
    expected = {"page-head": "one reason", "key-scheme": "another", "https": "not looked at"}
    report = await check(MindsTheCase(), access_key=KEY, expected=expected)
    assert report.mended == ("page-head",)
    assert report.exit_code == 0
    assert "  ~  page-head was expected to be broken, and is not: take it out" in render_text(report)
    assert to_dict(report)["mended"] == ["page-head"]
    assert (await check(KnowsNoHead(), access_key=KEY, expected=expected)).mended == ("key-scheme",)


def test_a_file_of_expected_failures_has_a_rule_and_its_reason_on_each_line(tmp_path: Path) -> None:
    path = tmp_path / "expected.txt"
    path.write_text("# known\n\npage-head: the proxy answers it: 405\n  key-scheme :  later \n", encoding="utf-8")
    assert read_expected(path) == {"page-head": "the proxy answers it: 405", "key-scheme": "later"}


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("page-haed: x", "line 2: there is no rule 'page-haed'. Did you mean 'page-head'?"),
        ("page-head", "line 2: give the reason, as in `page-head: why it is expected`."),
        ("key-scheme: again", "line 2: key-scheme stands there twice."),
    ],
)
def test_a_wrong_line_is_named(line: str, problem: str) -> None:
    with pytest.raises(ConfigurationError, match=re.escape(problem)):
        parse_expected(f"key-scheme: x\n{line}\n")


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"cannot be read: .*missing\.txt"):
        read_expected(tmp_path / "missing.txt")


def test_the_exit_code_tells_clean_broken_and_not_checked() -> None:
    codes: dict[int, Any] = {0: CLEAN, 1: FAULTY, 2: NOTHING}
    assert {code: report.exit_code for code, report in codes.items()} == {0: 0, 1: 1, 2: 2}
    assert replace(FAULTY, findings=(ADVICE,)).exit_code == 0
