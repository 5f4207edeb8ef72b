"""What a check found, as a value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from ..protocol import RULES, Rule

CLEAN: Final = 0
BROKEN: Final = 1
COULD_NOT_CHECK: Final = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """A rule that was broken: by which request, what came of it, and how often (``times``).

    ``sent`` says in words what was sent, ``request`` is the beginning of it; neither holds the key. ``expected`` is the
    reason why this was to be expected, if it was. What the rule asks for, why and how to fix it, stands in ``rule``.
    """

    rule: Rule
    sent: str
    request: str
    came: str
    times: int = 1
    expected: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """The outcome of one check.

    ``checked`` are the ids of all rules that were looked at, ``skipped`` maps those that were not to the reason.
    ``problem`` says why nothing could be checked. ``mended`` are ids that were expected to be broken and are not.
    ``complete`` is false when it ended early: the time was over, or the bot answered no more.
    ``started`` is a time of day in ISO 8601, UTC; ``seconds`` is how long the check took.
    """

    target: str
    started: str
    seconds: float = 0.0
    requests: int = 0
    findings: tuple[Finding, ...] = ()
    checked: tuple[str, ...] = ()
    skipped: Mapping[str, str] = field(default_factory=dict)
    mended: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    complete: bool = True
    problem: str | None = None

    @property
    def errors(self) -> tuple[Finding, ...]:
        """Findings of level ``error`` that were not expected."""
        return tuple(each for each in self.findings if each.rule.level == "error" and each.expected is None)

    @property
    def warnings(self) -> tuple[Finding, ...]:
        """Findings of level ``warning`` that were not expected."""
        return tuple(each for each in self.findings if each.rule.level == "warning" and each.expected is None)

    @property
    def expected(self) -> tuple[Finding, ...]:
        """Findings of either level that were expected."""
        return tuple(each for each in self.findings if each.expected is not None)

    @property
    def exit_code(self) -> int:
        """0 when no rule of level ``error`` is broken, 1 when one is, 2 when nothing could be checked."""
        if self.problem is not None:
            return COULD_NOT_CHECK
        return BROKEN if self.errors else CLEAN

    def topics(self) -> dict[str, list[Rule]]:
        """All rules by topic, in the order of the list."""
        topics: dict[str, list[Rule]] = {}
        for rule in RULES.values():
            topics.setdefault(rule.topic, []).append(rule)
        return topics
