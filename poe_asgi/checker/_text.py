"""A report for people who read it in a terminal."""

from __future__ import annotations

from collections.abc import Iterator
from textwrap import wrap
from typing import Literal

from ..protocol import SOURCES, Rule, one_line
from ._report import Finding, Report

_MARKS: dict[str, tuple[str, int]] = {
    "passed": ("✓", 32),
    "warning": ("!", 33),
    "error": ("✗", 31),
    "expected": ("~", 36),
    "skipped": ("–", 2),  # noqa: RUF001
}
_DIM, _BOLD = 2, 1
_Mark = Literal["passed", "warning", "error", "expected", "skipped"]


def render_text(report: Report, *, color: bool = False, width: int = 100) -> str:
    """The report as lines of text of at most ``width`` characters where that can be, with ANSI colours if asked."""
    return "\n".join(_Writer(report, color=color, width=width).lines()) + "\n"


class _Writer:
    def __init__(self, report: Report, *, color: bool, width: int) -> None:
        self._report = report
        self._color = color
        self._width = max(width, 60)

    def lines(self) -> Iterator[str]:
        report = self._report
        yield self._paint(one_line(report.target), _BOLD)
        yield ""
        if report.problem is not None:
            yield from self._wrapped(f"  {self._mark('error')}  ", "     ", f"Nothing was checked. {report.problem}")
            return
        yield from self._groups()
        for finding in report.findings:
            yield ""
            yield from self._finding(finding)
        yield ""
        yield from self._notes()
        yield f"  {self._summary()}"

    # ---- one line a topic

    def _groups(self) -> Iterator[str]:
        topics = self._report.topics()
        column = max(map(len, topics))
        found = {finding.rule.id: finding for finding in self._report.findings}
        for topic, rules in topics.items():
            checked = [rule for rule in rules if rule.id in self._report.checked]
            broken = [found[rule.id] for rule in rules if rule.id in found]
            mark, told = self._group(rules, checked, broken)
            shown = told if mark != "skipped" else self._paint(told, _DIM)
            yield f"  {self._mark(mark)}  {topic:<{column}}   {shown}"

    def _group(self, rules: list[Rule], checked: list[Rule], broken: list[Finding]) -> tuple[_Mark, str]:
        if not checked:
            reasons = dict.fromkeys(self._report.skipped[rule.id] for rule in rules)
            return "skipped", f"not checked, {'; '.join(reasons)}"
        amount = f"{len(checked)} of {len(rules)}" if len(checked) < len(rules) else f"{len(rules)}"
        parts = [f"{amount} {'rules' if len(rules) > 1 else 'rule'}"]
        errors = sum(_kind(finding) == "error" for finding in broken)
        warnings = sum(_kind(finding) == "warning" for finding in broken)
        expected = len(broken) - errors - warnings
        parts += [_counted(errors, "error")] * bool(errors) + [_counted(warnings, "warning")] * bool(warnings)
        parts += [f"{expected} expected"] * bool(expected)
        mark: _Mark = "error" if errors else "warning" if warnings else "expected" if expected else "passed"
        return mark, ", ".join(parts)

    # ---- one block a finding

    def _finding(self, finding: Finding) -> Iterator[str]:
        rule = finding.rule
        kind = _kind(finding)
        level = rule.level if kind != "expected" else f"{rule.level}, expected: {finding.expected}"
        times = f", {finding.times} times" if finding.times > 1 else ""
        yield f"  {self._mark(kind)}  {self._paint(rule.id, _BOLD)}   {self._paint(level + times, _DIM)}"
        yield from self._field("rule", f"{rule.sentence} ({SOURCES[rule.source]})")
        yield from self._field("sent", finding.sent)
        yield from self._field("", finding.request)
        yield from self._field("came", finding.came)
        yield from self._field("fix", rule.fix)

    def _field(self, name: str, text: str) -> Iterator[str]:
        yield from self._wrapped(f"     {self._paint(f'{name:<6}', _DIM)}", " " * 11, text)

    # ---- the end

    def _notes(self) -> Iterator[str]:
        report = self._report
        for rule in report.mended:
            text = f"{rule} was expected to be broken, and is not: take it out of the expected failures."
            yield from self._wrapped(f"  {self._mark('expected')}  ", "     ", text)
        for note in report.notes:
            yield from self._wrapped(f"  {self._mark('skipped')}  ", "     ", note)
        reasons: dict[str, list[str]] = {}
        for rules in report.topics().values():
            if any(each.id in report.checked for each in rules):  # else its line says it
                for each in rules:
                    if each.id in report.skipped:
                        reasons.setdefault(report.skipped[each.id], []).append(each.id)
        for reason, ids in reasons.items():
            yield from self._wrapped(
                f"  {self._mark('skipped')}  ", "     ", f"not checked, {reason}: {', '.join(ids)}"
            )
        if report.mended or report.notes or reasons:
            yield ""

    def _summary(self) -> str:
        report = self._report
        parts = [
            self._paint(_counted(len(report.errors), "error"), _MARKS["error"][1] if report.errors else None),
            self._paint(_counted(len(report.warnings), "warning"), _MARKS["warning"][1] if report.warnings else None),
        ]
        if report.expected:
            parts.append(f"{len(report.expected)} expected")
        well = self._paint("All is well", _MARKS["passed"][1]) if report.complete else "Nothing found so far"
        outcome = ", ".join(parts) if report.findings else well
        rules = f"{len(report.checked)} of {len(report.checked) + len(report.skipped)} rules"
        return f"{outcome}: {rules}, {report.requests} requests, {report.seconds:.1f} s."

    # ---- letters

    def _mark(self, kind: _Mark) -> str:
        return self._paint(*_MARKS[kind])

    def _paint(self, text: str, code: int | None) -> str:
        return f"\x1b[{code}m{text}\x1b[0m" if self._color and code is not None else text

    def _wrapped(self, first: str, indent: str, text: str) -> Iterator[str]:
        """``text`` after ``first``, which takes as much room as ``indent``; control characters cannot get through."""
        for number, line in enumerate(wrap(one_line(text), self._width - len(indent), break_on_hyphens=False) or [""]):
            yield (first if number == 0 else indent) + line


def _kind(finding: Finding) -> _Mark:
    return "expected" if finding.expected is not None else finding.rule.level


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
