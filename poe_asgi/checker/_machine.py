"""A report for programs: JSON, and the XML that CI systems read as test results."""

from __future__ import annotations

import json
from typing import Any
from xml.etree import ElementTree as ET

from ..protocol import RULES, SOURCES
from ._report import Finding, Report


def to_dict(report: Report) -> dict[str, Any]:
    """Plain JSON values. ``version`` moves when a key goes or changes its meaning."""
    return {
        "version": 1,
        "target": report.target,
        "started": report.started,
        "seconds": round(report.seconds, 3),
        "requests": report.requests,
        "exit_code": report.exit_code,
        "complete": report.complete,
        "problem": report.problem,
        "errors": len(report.errors),
        "warnings": len(report.warnings),
        "findings": [_finding(each) for each in report.findings],
        "mended": list(report.mended),
        "checked": list(report.checked),
        "skipped": dict(report.skipped),
        "notes": list(report.notes),
    }


def _finding(finding: Finding) -> dict[str, Any]:
    rule = finding.rule
    return {
        "rule": rule.id,
        "level": rule.level,
        "topic": rule.topic,
        "sentence": rule.sentence,
        "source": SOURCES[rule.source],
        "sent": finding.sent,
        "request": finding.request,
        "came": finding.came,
        "times": finding.times,
        "fix": rule.fix,
        "expected": finding.expected,
    }


def render_json(report: Report) -> str:
    """One JSON object, indented, in ASCII."""
    return json.dumps(to_dict(report), indent=2) + "\n"


def render_junit(report: Report) -> str:
    """JUnit's XML: a suite for each topic, a case for each rule.

    Findings of level ``error`` are failures. Warnings pass, with what was found as their output; rules that were not
    looked at, and expected failures, are skipped. Nothing checked is one error.
    """
    root = ET.Element("testsuites", name="poe-asgi check")
    if report.problem is not None:
        suite = ET.SubElement(root, "testsuite", name="check", tests="1", errors="1", failures="0", skipped="0")
        case = ET.SubElement(suite, "testcase", classname="check", name=_clean(report.target))
        ET.SubElement(case, "error", message=_clean(report.problem))
    else:
        for topic, rules in report.topics().items():
            suite = ET.SubElement(root, "testsuite", name=topic, timestamp=report.started, errors="0")
            for rule in rules:
                case = ET.SubElement(suite, "testcase", classname=topic, name=rule.id)
                _outcome(case, report, rule.id)
            suite.set("tests", str(len(rules)))
            suite.set("failures", str(len(suite.findall("*/failure"))))
            suite.set("skipped", str(len(suite.findall("*/skipped"))))
    ET.indent(root)
    return ET.tostring(root, encoding="unicode", xml_declaration=True) + "\n"


def _outcome(case: ET.Element, report: Report, rule: str) -> None:
    finding = next((each for each in report.findings if each.rule.id == rule), None)
    if finding is None:
        if rule in report.skipped:
            ET.SubElement(case, "skipped", message=report.skipped[rule])
    elif finding.expected is not None:
        ET.SubElement(case, "skipped", message=_clean(f"expected: {finding.expected}"))
    elif finding.rule.level == "error":
        failure = ET.SubElement(case, "failure", type="error", message=_clean(finding.came))
        failure.text = _told(finding)
    else:
        ET.SubElement(case, "system-out").text = _told(finding)


def _told(finding: Finding) -> str:
    rule = RULES[finding.rule.id]
    lines = (
        f"rule: {rule.sentence} ({SOURCES[rule.source]})",
        f"sent: {finding.sent}: {finding.request}",
        f"came: {finding.came}",
        f"fix: {rule.fix}",
    )
    return _clean("\n".join(lines))


def _clean(text: str) -> str:
    """Without what XML cannot carry."""
    return "".join(each if each in "\n\t" or each.isprintable() else "\ufffd" for each in text)
