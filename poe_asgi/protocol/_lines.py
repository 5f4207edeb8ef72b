"""Text of others as it may stand in a line of ours: a log, an error, a report."""

from __future__ import annotations


def one_line(text: str) -> str:
    """The text in one line, and without characters that do not print: none can feign a line, or steer a terminal."""
    return " ".join("".join(each if each.isprintable() else " " for each in text).split())
