"""The file of expected failures: rules that a bot is known to break, each with the reason."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from ..errors import ConfigurationError, did_you_mean
from ..protocol import RULES
from ._report import Report


def read_expected(path: str | Path) -> dict[str, str]:
    """The reasons by rule. Raises ConfigurationError when the file cannot be read, or a line is wrong."""
    try:
        text = Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeError) as exc:
        raise ConfigurationError(f"The expected failures cannot be read: {exc}.") from None
    return parse_expected(text, name=str(path))


def parse_expected(text: str, *, name: str = "expected failures") -> dict[str, str]:
    """One rule a line, ``rule-id: the reason``; empty lines and those that begin with ``#`` do not count.

    Raises ConfigurationError that names the line.
    """
    expected: dict[str, str] = {}
    for number, line in enumerate(text.splitlines(), 1):
        rule, _, reason = (part.strip() for part in line.partition(":"))
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        if rule not in RULES:
            raise ConfigurationError(f"{name}, line {number}: there is no rule {rule!r}.{did_you_mean(rule, RULES)}")
        if not reason:
            raise ConfigurationError(f"{name}, line {number}: give the reason, as in `{rule}: why it is expected`.")
        if rule in expected:
            raise ConfigurationError(f"{name}, line {number}: {rule} stands there twice.")
        expected[rule] = reason
    return expected


def with_expected(report: Report, expected: Mapping[str, str]) -> Report:
    """The report with these failures marked, and those listed in ``mended`` that did not come though looked for."""
    findings = tuple(replace(each, expected=expected.get(each.rule.id)) for each in report.findings)
    broken = {each.rule.id for each in findings}
    mended = tuple(rule for rule in expected if rule in report.checked and rule not in broken)
    return replace(report, findings=findings, mended=mended)
