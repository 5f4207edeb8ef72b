"""What `dev` writes while a bot runs: one line for each request, and what goes wrong."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import click

from ._project import shown

_LEVELS = {"WARNING": "yellow", "ERROR": "red", "CRITICAL": "red"}


def say(text: str = "", *, mark: str = " ", color: str | None = None) -> None:
    """A line with the time before it."""
    clock = click.style(time.strftime("%H:%M:%S"), dim=True)
    click.echo(f"{clock} {click.style(mark, fg=color, bold=True)} {text}")


def request_line(report: Mapping[str, Any]) -> None:
    """A request: what it was, how it was answered, how long it took, which events went out, which rules broke."""
    what = report["type"] or f"{report['method']} {report['path']}"
    status = report["status"] or "no answer"
    took = duration(report["seconds"])
    if report["events"] and report["first"] is not None:
        took = f"first {duration(report['first'])}, all {took}"
    parts = [f"{what:<10}", f"{status}", took]
    events = ", ".join(f"{count} {kind}" for kind, count in report["events"].items() if kind not in {"meta", "done"})
    if events:
        parts.append(events)
    if not report["complete"]:
        parts.append("the client left")
    broken = any(each["level"] == "error" for each in report["violations"])
    bad = report["error"] or broken or not 200 <= (report["status"] or 0) < 400
    say("  ".join(parts), mark="✗" if bad else "→", color="red" if bad else "green")
    if report["error"]:
        say(f"           the user reads: {report['error']}")
    for violation in report["violations"]:
        say(f"           breaks {violation['rule']}: {violation['detail']}", mark="!", color="yellow")


def log_line(report: Mapping[str, Any]) -> None:
    """A record of this package's log."""
    color = _LEVELS.get(report["level"])
    say(report["message"], mark="!" if color else "·", color=color)
    if report["traceback"]:
        click.echo(report["traceback"].rstrip())


def blocked_line(report: Mapping[str, Any]) -> None:
    """A call that held up the event loop."""
    place = f"{shown(report['file'])}:{report['line']}"
    say(
        f"{place} in {report['function']} blocked the event loop for {duration(report['seconds'])}: {report['code']}",
        mark="!",
        color="yellow",
    )
    say("           Every other answer waited. Use an async library, or: await asyncio.to_thread(…)")


def failure_lines(message: str, details: str) -> None:
    """A bot that cannot be loaded."""
    if details:
        click.echo(details.rstrip())
    say(message, mark="✗", color="red")


def duration(seconds: float) -> str:
    """Like ``31 ms`` or ``1.24 s``."""
    return f"{seconds * 1000:.0f} ms" if seconds < 1 else f"{seconds:.2f} s"
